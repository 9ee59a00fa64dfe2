import { Moment } from "../../../clock/Moment";
import { Id } from "../../../components/text/Id";
import type { ConversationView } from "../../../live/wire.gen";
import classes from "./Conversation.module.css";

/** What is known of the conversation itself. */
export function ConversationFacts({ view }: { view: ConversationView }) {
  return (
    <section className={classes.section}>
      <h2>Conversation</h2>
      <dl className={classes.pairs}>
        <dt>begun</dt>
        <dd>
          <Moment at={view.created_at} />
        </dd>
        <dt>events</dt>
        <dd>{view.last_seq.toLocaleString("en-US")}</dd>
        <dt>id</dt>
        <dd>
          <Id id={view.id} what="the conversation's id" />
        </dd>
      </dl>
    </section>
  );
}
