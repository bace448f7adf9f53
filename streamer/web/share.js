// The links to this session and their copy buttons, and both dialogs' opening and closing.

import { $, setHidden, setText, toast } from "./dom.js";

/** The text of a field to the clipboard; whether it went there. */
export async function copy(input) {
  try {
    await navigator.clipboard.writeText(input.value);
  } catch {
    // No clipboard on plain http: select it, so that one key press does it.
    input.select();
    if (!document.execCommand?.("copy")) {
      toast("Select and copy it by hand: this browser keeps its clipboard closed here.", "warn");
      return false;
    }
  }
  return true;
}

function wireCopy(button) {
  button.setAttribute("aria-label", `Copy ${document.querySelector(`label[for=${button.dataset.copy}]`).textContent}`);
  button.addEventListener("click", async () => {
    if (!(await copy($(button.dataset.copy)))) return;
    setText(button, "Copied");
    setTimeout(() => setText(button, "Copy"), 1500);
  });
}

function wireDialog(dialog, opener) {
  opener.addEventListener("click", () => dialog.showModal());
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  // A click on the backdrop lands on the dialog itself.
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
}

export function toggleHelp() {
  const dialog = $("help-dialog");
  if (dialog.open) dialog.close();
  else dialog.showModal();
}

export function wireShare(door) {
  const page = (query) => new URL(`?session=${door.session}&${query}`, document.baseURI).href;
  $("u-view").value = page("view=1");
  $("u-steer").value = page("steer=1");
  $("u-whip").value = door.url(`whip/${door.session}`);
  $("u-captions").value = door.url(`overlay/captions/${door.session}`);
  $("u-anchor").value = $("anchor-link").href = door.url(`overlay/anchor/${door.session}`);
  $("u-whep").value = door.url(`whep/${door.session}`);
  $("share-open").addEventListener("click", () => {
    setHidden($("share-token"), !door.token);
    setText($("captions-token"), door.token ? ", and “?token=” with the server's token behind it." : ".");
    setText($("whip-token"), door.token ? ", and the server's token as Bearer Token." : ".");
  });
  for (const button of document.querySelectorAll("[data-copy]")) wireCopy(button);
  wireDialog($("share-dialog"), $("share-open"));
  wireDialog($("help-dialog"), $("help-open"));
}
