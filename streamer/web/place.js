// What the page's address says: which session, whether to publish, watch or steer, and the token, which moves from the
// address into this tab's memory so that it is not copied along by accident.

import { store, stored } from "./dom.js";

const NAME = /^[A-Za-z0-9_-]{1,64}$/;

export function place() {
  const url = new URL(location.href);
  const token = url.searchParams.get("token");
  if (token !== null) {
    store("sessionStorage", "token", token || null);
    url.searchParams.delete("token");
    history.replaceState(null, "", url);
  }
  const asked = url.searchParams.get("session") ?? "studio";
  const mode = url.searchParams.get("view") === "1" ? "view" : url.searchParams.get("steer") === "1" ? "steer" : "studio";
  return { session: NAME.test(asked) ? asked : "studio", badName: !NAME.test(asked), mode, token: stored("sessionStorage", "token") };
}

export function go(session, query = "") {
  location.assign(new URL(`?session=${session}${query}`, document.baseURI));
}

/** A name that is free for all that one can tell. */
export function another(session) {
  const tail = [...crypto.getRandomValues(new Uint8Array(2))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${session.slice(0, 58)}-${tail}`;
}
