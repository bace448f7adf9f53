// Keeps one connection standing: tries, waits, tries again, and says which phase it is in.
// Knows what an error means for trying again, but not how to say it to a person (problems.js does).

import { DoorError } from "./door.js";
import { IceError } from "./peer.js";

const FIRST_WAIT_MS = 250;
const LAST_WAIT_MS = 1000; // a server that has come up again is met within 2 s, handshakes included
const NOBODY_WAIT_MS = 2000;
const FULL_WAIT_S = 5;
const TAKEN_RETRIES = 3;
const ICE_RETRIES = 2;

/** What to do after an error: `{ phase, waitMs }` to go on, `{ phase, stop: true }` to leave it to the person. */
export function verdict(error, { attempt, everLive }) {
  const trying = everLive ? "reconnecting" : "connecting";
  const waitMs = Math.min(FIRST_WAIT_MS * 2 ** attempt, LAST_WAIT_MS);
  if (error instanceof IceError) {
    return everLive || attempt < ICE_RETRIES - 1 ? { phase: trying, waitMs } : { phase: "failed", stop: true };
  }
  if (!(error instanceof DoorError)) return { phase: "failed", stop: true };
  if (error.status === 503) return { phase: "full", waitMs: 1000 * (error.retryAfterS ?? FULL_WAIT_S) };
  if (error.status === 401) return { phase: "token", stop: true };
  if (error.status === 404) return { phase: "nobody", waitMs: NOBODY_WAIT_MS };
  if (error.status === 409) {
    // Our own last connection may need a moment to be noticed as gone.
    return attempt < TAKEN_RETRIES ? { phase: trying, waitMs } : { phase: "taken", stop: true };
  }
  if (error.status === 0 || error.status >= 500) return { phase: trying, waitMs };
  return { phase: "failed", stop: true };
}

export class Link {
  #makePeer; #onPhase; #onLive; #onLost; #abort = null; #wake = () => {};

  /** `makePeer(takesOver)` → a promised Peer; `onPhase(phase, { error, attempt, until })`; `onLive(peer)` and
   *  `onLost(peer)` at each connection's start and end. */
  constructor({ makePeer, onPhase, onLive, onLost }) {
    this.#makePeer = makePeer;
    this.#onPhase = onPhase;
    this.#onLive = onLive;
    this.#onLost = onLost;
    this.peer = null;
    this.lastId = null;
    this.reconnects = 0;
  }

  get running() {
    return this.#abort !== null;
  }

  start() {
    if (this.running) return;
    this.#abort = new AbortController();
    this.#run(this.#abort.signal);
  }

  /** Ends it, telling the server; no phase is reported afterwards. */
  stop() {
    this.#abort?.abort(new DOMException("stopped", "AbortError"));
    this.#abort = null;
    this.#wake();
    this.peer?.close();
    this.peer = null;
    this.lastId = null;
  }

  /** Tries at once instead of waiting the rest of the pause. */
  hurry() {
    this.#wake();
  }

  async #run(signal) {
    let attempt = 0;
    let everLive = false;
    this.#onPhase("connecting", { attempt });
    while (!signal.aborted) {
      try {
        await this.#stand(signal, everLive);
        everLive = true;
        attempt = 0;
        if (signal.aborted) return;
        this.#onPhase("reconnecting", { attempt, until: performance.now() + FIRST_WAIT_MS });
        await this.#pause(FIRST_WAIT_MS);
      } catch (error) {
        if (signal.aborted) return;
        const { phase, waitMs, stop } = verdict(error, { attempt, everLive });
        if (stop) this.#abort = null;
        this.#onPhase(phase, { error, attempt, until: stop ? null : performance.now() + waitMs });
        if (stop) return;
        attempt += 1;
        await this.#pause(waitMs);
      }
    }
  }

  /** Opens a connection and stays until it is lost. */
  async #stand(signal, again) {
    const peer = await this.#makePeer(this.lastId);
    if (signal.aborted) peer.close();
    this.peer = peer;
    try {
      await peer.open(signal);
      this.lastId = peer.id ?? this.lastId;
      if (again) this.reconnects += 1;
      this.#onLive(peer);
      this.#onPhase("live", {});
      await peer.lost;
      if (!signal.aborted) this.#onLost(peer);
    } finally {
      // The next offer takes over a connection that has an id; one without must be ended here.
      peer.close({ tell: signal.aborted || peer.id === null });
      if (this.peer === peer) this.peer = null;
    }
  }

  #pause(limitMs) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, limitMs);
      this.#wake = () => { clearTimeout(timer); resolve(); };
    });
  }
}
