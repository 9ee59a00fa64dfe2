// The three stages of a stop, from the times that the server gives. Pure.
import { duration, precise } from "../../format/duration";
import { epochMs, exactTime, type Zone } from "../../format/moment";
import { counted } from "../../format/words";
import type { TargetView } from "../../live/wire.gen";
import { isOver } from "./progress";

export interface Stage {
  name: string;
  time: string;
  detail: string;
  /** done: it has its time; open: it is waited for; later: not yet, or never needed. */
  mark: "done" | "open" | "later";
}

function acknowledged(target: TargetView, began: number, now: number): Stage {
  const name = "Acknowledged";
  const at = target.stop_acknowledged_at;
  if (at) {
    const detail = target.pid === null ? "its processes are told" : `process group ${target.pid} is told`;
    return { name, time: `+${duration(Math.max(0, epochMs(at) - began))}`, detail, mark: "done" };
  }
  if (isOver(target)) return { name, time: "", detail: "it had ended", mark: "later" };
  return { name, time: `${precise(now - began)} so far`, detail: "the agent has not answered yet", mark: "open" };
}

function confirmed(target: TargetView, began: number, now: number): Stage {
  const name = "Confirmed dead";
  const at = target.stop_confirmed_at;
  if (at) {
    const count = target.processes_ended;
    const detail = count > 0 ? `${counted(count, "process", "processes")} ended` : "nothing is left";
    return { name, time: `+${duration(Math.max(0, epochMs(at) - began))}`, detail, mark: "done" };
  }
  if (isOver(target)) return { name, time: "", detail: "it ended by itself", mark: "later" };
  const open = target.stop_acknowledged_at !== null;
  const time = open ? `${precise(now - began)} so far` : "";
  return { name, time, detail: "its process group is not empty yet", mark: open ? "open" : "later" };
}

/** The stages of a stop that was asked for at `began`; none if none was asked for. */
export function stagesOf(target: TargetView, now: number, zone: Zone): Stage[] {
  const asked = target.stop_requested_at;
  if (!asked) return [];
  const began = epochMs(asked);
  const by = target.stop_requested_by;
  return [
    { name: "Stop requested", time: exactTime(began, zone), detail: by ? `by ${by}` : "", mark: "done" },
    acknowledged(target, began, now),
    confirmed(target, began, now),
  ];
}
