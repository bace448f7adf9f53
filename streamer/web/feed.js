// A session's events by websocket, for as long as the page lives: comes back by itself after a loss, a restart of the
// server, or before anybody publishes. Knows no event but that there are some (stats come five times a second).

import * as reading from "./reading.js";

const FIRST_WAIT_MS = 250;
const LAST_WAIT_MS = 2000;
const SILENCE_MS = 4000;
const WATCH_MS = 1000;

export class Feed {
  #url; #onMessage; #onState; #socket = null; #waitMs = FIRST_WAIT_MS; #heardAt = 0;

  /** `url()`: of `/sessions/NAME/events`, asked for at each try; `onMessage(message)`; `onState("live" | "waiting")`. */
  constructor({ url, onMessage, onState = () => {} }) {
    this.#url = url;
    this.#onMessage = onMessage;
    this.#onState = onState;
    setInterval(() => { if (performance.now() - this.#heardAt > SILENCE_MS) this.#socket?.close(); }, WATCH_MS);
    this.#open();
  }

  send(object) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(object));
    return true;
  }

  #open() {
    const socket = new WebSocket(this.#url());
    this.#socket = socket;
    this.#heardAt = performance.now();
    socket.onmessage = ({ data }) => this.#hear(data);
    socket.onopen = () => { this.#waitMs = FIRST_WAIT_MS; this.#onState("live"); };
    socket.onclose = () => this.#again();
  }

  #hear(text) {
    this.#heardAt = performance.now();
    const message = reading.message(text);
    if (message) this.#onMessage(message);
  }

  #again() {
    this.#onState("waiting");
    setTimeout(() => this.#open(), this.#waitMs);
    this.#waitMs = Math.min(2 * this.#waitMs, LAST_WAIT_MS);
  }
}
