// Requests over the socket and their answers, matched by `ref`. A request that was not answered is sent again after
// the connection came back; the server does each `ref` once.
import { localProblem, ProblemError } from "../http/problem";
import type { ClientFrame, RequestFrame, ServerFrame } from "./frames";
import type { Sent } from "./wire.gen";

/** After this long without an answer the sender is told. What became of the request is not known then. */
const PATIENCE_MS = 30_000;

interface Pending {
  frame: RequestFrame;
  resolve(sent: Sent | null | Promise<Sent | null>): void;
  reject(error: ProblemError): void;
  onSilence: (() => void) | undefined;
  timer: ReturnType<typeof setTimeout>;
}

export class Requests {
  private readonly pending = new Map<string, Pending>();
  private readonly send: (frames: readonly ClientFrame[]) => boolean;

  constructor(send: (frames: readonly ClientFrame[]) => boolean) {
    this.send = send;
  }

  /**
   * Resolves with what was stored for `chat.send`, with null for the others. Without an answer for a while it fails; with
   * `onSilence` it says so instead, and goes on: the answer may come late, or to the request that is sent again.
   */
  ask(frame: RequestFrame, onSilence?: () => void): Promise<Sent | null> {
    const before = this.take(frame.ref);
    const asked = new Promise<Sent | null>((resolve, reject) => {
      const timer = setTimeout(() => this.give(frame.ref), PATIENCE_MS);
      this.pending.set(frame.ref, { frame, resolve, reject, onSilence, timer });
    });
    before?.resolve(asked);
    this.send([frame]);
    return asked;
  }

  /** Waits for the answer no longer, and does not send it again; it resolves with null. */
  drop(ref: string): void {
    this.take(ref)?.resolve(null);
  }

  sendAgain(): void {
    this.send([...this.pending.values()].map((pending) => pending.frame));
  }

  onFrame(frame: ServerFrame): void {
    if (frame.op === "accepted") this.take(frame.ref)?.resolve(frame.sent);
    else if (frame.op === "done") this.take(frame.ref)?.resolve(null);
    else if (frame.op === "error" && frame.ref) this.take(frame.ref)?.reject(new ProblemError(frame.problem));
  }

  private take(ref: string): Pending | undefined {
    const pending = this.pending.get(ref);
    if (pending) clearTimeout(pending.timer);
    this.pending.delete(ref);
    return pending;
  }

  private give(ref: string): void {
    const onSilence = this.pending.get(ref)?.onSilence;
    if (onSilence) {
      onSilence();
      return;
    }
    const detail = "The server did not answer within 30 seconds.";
    this.take(ref)?.reject(new ProblemError(localProblem("timed_out", "No answer", detail, "Try again.")));
  }
}
