import clsx from "clsx";
import { memo, type ReactNode } from "react";
import { Moment } from "../../../clock/Moment";
import { initials } from "../../../format/words";
import classes from "./Thread.module.css";

interface Props {
  name: string;
  at: string;
  text: string;
  /** How far the message is. */
  receipt: ReactNode;
  /** It is not stored yet. */
  isOnItsWay?: boolean;
}

/** What a person said. */
export const SaidBlock = memo(function SaidBlock({ name, at, text, receipt, isOnItsWay = false }: Props) {
  return (
    <article className={classes.turn} data-testid="message-user" aria-label={`${name} said`}>
      <div className={classes.gutter}>
        <span className={classes.person} aria-hidden="true">
          {initials(name)}
        </span>
      </div>
      <div className={classes.body}>
        <div className={clsx(classes.head, classes.mine)}>
          <b>{name}</b>
          <Moment at={at} className={classes.tiny} />
          <span className={classes.end}>{receipt}</span>
        </div>
        <p className={classes.said} data-on-its-way={isOnItsWay || undefined}>
          {text}
        </p>
      </div>
    </article>
  );
});
