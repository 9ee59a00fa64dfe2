import type { AgentView } from "../../../live/wire.gen";
import { strokeColor } from "../../../theme/states";

const PITCH = 9;
const PLACES = 36;

/** The agents that are here as strokes, and room for those that are not yet. */
export function GhostRoll({ agents }: { agents: AgentView[] }) {
  return (
    <svg
      aria-hidden="true"
      width={PLACES * PITCH + 6}
      height="32"
      viewBox={`0 0 ${PLACES * PITCH + 6} 32`}
      fill="none"
      strokeWidth="2.8"
      strokeLinecap="round"
      style={{ flex: "0 1 auto", minWidth: 0 }}
      preserveAspectRatio="xMinYMid slice"
    >
      {Array.from({ length: PLACES }, (_, index) => {
        const agent = agents[index];
        const color = agent ? strokeColor(agent.presence.state) : "var(--mu-line2)";
        const opacity = agent ? 1 : Math.max(0.1, 0.62 - index * 0.016);
        return (
          <path key={agent?.id ?? index * PITCH} d={`M${3 + index * PITCH} 3v26`} stroke={color} opacity={opacity} />
        );
      })}
    </svg>
  );
}
