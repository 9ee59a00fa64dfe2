import type { ReactNode, Ref } from "react";
import type { useOpenFacts } from "./useOpenFacts";
import classes from "./Wall.module.css";

interface Props {
  /** Whether the pointer or the focus is among the agents. */
  onInside(inside: boolean): void;
  handlers?: ReturnType<typeof useOpenFacts>["handlers"];
  box?: Ref<HTMLDivElement>;
  children: ReactNode;
}

/** Around the agents: notices when somebody is reading them. */
export function Ledger({ onInside, handlers, box, children }: Props) {
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it watches, it is not acted upon
    <div
      ref={box}
      className={classes.ledger}
      onMouseEnter={() => onInside(true)}
      onMouseLeave={() => onInside(false)}
      onFocus={() => onInside(true)}
      onBlur={(event) => onInside(event.currentTarget.contains(event.relatedTarget))}
      {...handlers}
    >
      {children}
    </div>
  );
}
