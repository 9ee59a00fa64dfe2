import { Button } from "@mantine/core";
import { Logo } from "../../../components/page/Logo";
import { ProblemFacts } from "../../../components/pictures/ProblemFacts";
import { CopyIcon } from "../../../components/text/CopyIcon";
import type { Problem } from "../../../live/wire.gen";
import classes from "./GetIn.module.css";

const COMMAND = "muster token login";

interface Props {
  problem?: Problem;
  ended?: boolean;
  onRetry?: (() => void) | undefined;
}

function reasonFor({ problem, ended }: Props): { title: string; detail: string } {
  if (problem) return { title: problem.title, detail: problem.detail };
  if (ended) return { title: "Your session has ended", detail: "The server does not know this browser any more." };
  return { title: "You are not logged in", detail: "The console opens with a login link that the server makes." };
}

/** What happened, and the one thing to do about it. */
export function GetIn(props: Props) {
  const { title, detail } = reasonFor(props);
  return (
    <main className={classes.page}>
      <div className={classes.box}>
        <Logo height={28} />
        <h1>{title}</h1>
        <p>{detail}</p>
        <p>On the machine where the server runs, make a new link and open it here:</p>
        <div className={classes.command}>
          <code>{COMMAND}</code>
          <CopyIcon text={COMMAND} what="the command" />
        </div>
        <p className={classes.small}>A link works once, within an hour.</p>
        {props.onRetry && <Button onClick={props.onRetry}>Try again</Button>}
        {props.problem && <ProblemFacts problem={props.problem} />}
      </div>
    </main>
  );
}
