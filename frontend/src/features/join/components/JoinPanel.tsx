import { useQuery } from "@tanstack/react-query";
import { Broken } from "../../../components/pictures/Broken";
import { Loading } from "../../../components/pictures/Loading";
import { asProblem } from "../../../http/problem";
import { useFleet } from "../../../live/hooks";
import type { SystemView } from "../../../live/wire.gen";
import { joinTokenQuery } from "../api/joinToken";
import { joinedSince } from "../joined";
import { useTokenNumber } from "../tokenNumber";
import classes from "./Join.module.css";
import { JoinCommand } from "./JoinCommand";
import { Joining } from "./Joining";
import { Reach } from "./Reach";

/** The command with which an agent joins, and the agent as it does. */
export function JoinPanel({ system }: { system: SystemView | undefined }) {
  const { number, name } = useTokenNumber();
  const token = useQuery(joinTokenQuery(number, name));
  const agents = Object.values(useFleet() ?? {});
  if (token.isError) {
    return (
      <Broken
        title="No join token could be made"
        problem={asProblem(token.error)}
        onRetry={() => void token.refetch()}
      />
    );
  }
  if (!token.data) return <Loading what="a join token" rows={2} />;
  const joined = joinedSince(agents, token.data.asked_at);
  return (
    <div className={classes.panel}>
      <JoinCommand key={token.data.id} token={token.data} isUsed={joined !== null} />
      {system && <Reach system={system} />}
      <Joining agent={joined} />
    </div>
  );
}
