// The server's HTTP doors (docs/protocol.md), and nothing about WebRTC or the page.
// Addresses are relative to the page, so that a proxy may put the whole studio under a path.

import * as reading from "./reading.js";

const ANSWER_WITHIN_MS = 5000;
// A server that is starting holds an offer until its models are loaded (up to 30 s).
const OFFER_WITHIN_MS = 35_000;

/** The server said no. `status` 0: it said nothing at all. */
export class DoorError extends Error {
  constructor(message, { status = 0, retryAfterS = null } = {}) {
    super(message);
    this.name = "DoorError";
    this.status = status;
    this.retryAfterS = retryAfterS;
  }
}

function retryAfter(response) {
  const seconds = Number(response.headers.get("Retry-After") ?? NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds, 3600) : null;
}

async function refusal(response) {
  let text = "";
  try {
    text = reading.errorText(await response.json());
  } catch {
    text = `The server answered ${response.status}.`;
  }
  return new DoorError(text, { status: response.status, retryAfterS: retryAfter(response) });
}

export class Door {
  /** `base`: where the studio is, when the page is elsewhere. */
  constructor({ session, token, base = document.baseURI }) {
    this.session = session;
    this.token = token;
    this.base = base;
  }

  url(path) {
    return new URL(path, this.base).href;
  }

  /** The address of the events door; browsers cannot set headers there, so the token goes in the query. */
  eventsUrl() {
    const url = new URL(this.url(`sessions/${this.session}/events`));
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    if (this.token) url.searchParams.set("token", this.token);
    return url.href;
  }

  /** A picture's address; its element cannot set headers either. */
  portraitUrl(character, { emotion, size }) {
    const url = new URL(this.url(`anchors/${character}.png`));
    for (const [name, value] of Object.entries({ emotion, size, token: this.token })) if (value) url.searchParams.set(name, value);
    return url.href;
  }

  async config() {
    const response = await this.#ask("GET", this.url("config"));
    return reading.config(await response.json());
  }

  /** Whether the server wants another token. */
  async locked() {
    try {
      await this.#ask("GET", this.url("sessions"));
    } catch (error) {
      return error.status === 401;
    }
    return false;
  }

  /** Has a line said; the session begins with it, if there is none. */
  async say(text) {
    await this.#ask("POST", this.url(`sessions/${this.session}/say`), { body: JSON.stringify({ text }), type: "application/json", withinMs: OFFER_WITHIN_MS });
  }

  /** What was said so far, with every word. */
  async transcript() {
    const response = await this.#ask("GET", this.url(`sessions/${this.session}/captions.json`));
    return reading.transcript(await response.json());
  }

  /** The same as a file of subtitles: srt, vtt or txt. */
  async subtitles(form) {
    return (await this.#ask("GET", this.url(`sessions/${this.session}/captions.${form}`))).blob();
  }

  /** Publishes and views on one connection. */
  async offer(sdp, { takesOver, signal }) {
    const body = JSON.stringify({ sdp, type: "offer", ...(takesOver ? { takes_over: takesOver } : {}) });
    const type = "application/json";
    const response = await this.#ask("POST", this.url(`sessions/${this.session}/offer`), { body, type, signal, withinMs: OFFER_WITHIN_MS });
    const answer = await response.json();
    if (typeof answer?.sdp !== "string") throw new DoorError("The server's answer has no SDP.", { status: 502 });
    const id = answer.id === undefined || answer.id === null ? null : String(answer.id);
    const resource = id && this.url(`sessions/${this.session}/connections/${encodeURIComponent(id)}`);
    return { sdp: answer.sdp, id, resource };
  }

  /** Views only (WHEP). */
  async play(sdp, { signal }) {
    const at = this.url(`whep/${this.session}`);
    const response = await this.#ask("POST", at, { body: sdp, type: "application/sdp", signal, withinMs: OFFER_WITHIN_MS });
    const location = response.headers.get("Location");
    return { sdp: await response.text(), id: null, resource: location && new URL(location, at).href };
  }

  /** Ends a connection; may be the last thing a closing page does, so it never throws and outlives the page. */
  leave(resource) {
    fetch(resource, { method: "DELETE", headers: this.#headers(), keepalive: true }).catch(() => {});
  }

  #headers(type) {
    const headers = {};
    if (type) headers["Content-Type"] = type;
    if (this.token) headers.Authorization = `Bearer ${this.token}`;
    return headers;
  }

  async #ask(method, url, { body, type, signal, withinMs = ANSWER_WITHIN_MS } = {}) {
    const limit = AbortSignal.timeout(withinMs);
    let response;
    try {
      response = await fetch(url, {
        method, body, headers: this.#headers(type), cache: "no-store",
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new DoorError("The server does not answer.");
    }
    if (!response.ok) throw await refusal(response);
    return response;
  }
}
