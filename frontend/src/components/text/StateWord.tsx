import type { AgentState } from "../../live/wire.gen";
import { stateColor, stateWord } from "../../theme/states";

/** The word of a state in its colour; never the colour alone. */
export function StateWord({ state, strong = false }: { state: AgentState; strong?: boolean }) {
  return (
    <span style={{ color: stateColor[state], fontWeight: strong ? 600 : undefined }} data-testid="state-word">
      {stateWord[state]}
    </span>
  );
}
