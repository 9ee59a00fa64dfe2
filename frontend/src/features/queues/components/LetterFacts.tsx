import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { Id } from "../../../components/text/Id";
import { bytes } from "../../../format/words";
import type { DeadLetterDetail } from "../../../live/wire.gen";
import { type Agents, nameOf, queueLabel, reasonSentence } from "../words";
import classes from "./Letter.module.css";

/** Why it died in the server's own words, and where it came from and would go. */
export function LetterFacts({ detail: { letter }, agents }: { detail: DeadLetterDetail; agents: Agents }) {
  const rows: [string, ReactNode][] = [
    ["message", <Id key="id" id={letter.message_id} what="the message's id" />],
    ["type", `${letter.type}, ${bytes(letter.size)}`],
    ["from", nameOf(letter.sender, agents)],
    ["to", nameOf(letter.to, agents)],
    [
      "conversation",
      letter.conversation && letter.run_id && (
        <Link to="/conversations/$conversationId" params={{ conversationId: letter.conversation }}>
          open it
        </Link>
      ),
    ],
    ["goes again", `${letter.exchange} → ${queueLabel(wayOf(letter.exchange, letter.key), agents)}`],
  ];
  return (
    <section className={classes.facts}>
      <p className={classes.reason} data-testid="letter-reason">
        {letter.detail.startsWith(reasonSentence(letter.reason)) ? "" : letter.detail}{" "}
        <span className="mono">{letter.reason}</span>
      </p>
      <dl>
        {rows
          .filter(([, value]) => Boolean(value))
          .map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
    </section>
  );
}

/** An agent's queue where the key names it, else the key as it is. */
function wayOf(exchange: string, key: string): string {
  return exchange.endsWith("to_agent") ? `agent_queue_${key}` : key;
}
