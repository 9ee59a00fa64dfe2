import { useState } from "react";
import type { AgentState } from "../../../live/wire.gen";
import { stateColor } from "../../../theme/states";
import classes from "./AgentCell.module.css";

/** A breath of the new state's colour over a cell whose state has changed. */
export function Tint({ state }: { state: AgentState }) {
  const [first] = useState(state);
  const [changes, setChanges] = useState({ state: first, count: 0 });
  if (changes.state !== state) setChanges({ state, count: changes.count + 1 });
  if (changes.count === 0) return null;
  return (
    <i key={changes.count} className={classes.tint} style={{ background: stateColor[state] }} aria-hidden="true" />
  );
}
