// The row of buttons under the picture, and the sign on it: shows what is possible and what is on. Knows no media; each
// button calls a verb it was given.

import { $, setHidden, setKey, setText } from "./dom.js";
import { HoldOrTap, holdable, listen } from "./keys.js";
import { toggleHelp } from "./share.js";

export class Deck {
  /** `verbs`: mute, camera, compare, caption, record, stop. */
  constructor({ mute, camera, compare, caption, record, stop }) {
    const hold = new HoldOrTap(compare);
    listen({ m: mute, v: camera, c: caption, r: record, "?": toggleHelp }, hold);
    holdable($("compare"), hold);
    for (const [id, verb] of Object.entries({ mic: mute, camera, caption, record, stop })) $(id).addEventListener("click", verb);
  }

  /** While a camera starts or stops, its button waits. */
  cameraBusy() {
    $("camera").disabled = true;
  }

  render({ live, running, publishes, hasMic, muted, camera, recording, canRecord, clean, captions }) {
    $("mic").disabled = !hasMic;
    $("camera").disabled = !running || !publishes;
    $("record").disabled = !canRecord || !(live || recording);
    $("compare").disabled = $("caption").disabled = $("listen").disabled = $("full").disabled = !live;
    $("stop").disabled = !running;
    setKey($("mic"), { pressed: muted, icon: muted ? "mic-off" : "mic", label: muted ? "Muted" : "Mute", hint: muted ? "Unmute (M)" : "Mute (M)" });
    const dark = running && !camera;
    setKey($("camera"), { pressed: dark, icon: dark ? "cam-off" : "cam", label: dark ? "Camera off" : "Camera", hint: dark ? "Camera on (V)" : "Camera off (V)" });
    setKey($("caption"), { pressed: captions, label: "Captions", hint: captions ? "Captions off (C)" : "Captions on (C)" });
    setKey($("record"), { pressed: recording, icon: recording ? "stop" : "rec", label: recording ? "Stop" : "Record", hint: recording ? "Stop and save (R)" : "Record the program (R)" });
    $("record").classList.toggle("recording", recording);
    this.#compare(live, clean);
  }

  #compare(live, clean) {
    setKey($("compare"), { pressed: !clean, label: clean ? "Hear before" : "Hear after", hint: "Before / after: tap to switch, hold to peek (B)" });
    $("sign").className = `sign ${clean ? "after" : "before"}`;
    setText($("sign"), clean ? "After · cleaned" : "Before · as it came in");
    setHidden($("sign"), !live);
    $("track-out").classList.toggle("bypassed", !clean);
    setText($("out-note"), clean ? "what others hear" : "enhance is off: as it came in");
  }
}
