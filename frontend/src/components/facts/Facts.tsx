import { Age } from "../../clock/Age";
import type { Presence } from "../../live/wire.gen";
import { strokeColor } from "../../theme/states";
import { Bar } from "../marks/Bar";
import { signOf } from "../tally/strokes";
import classes from "./Facts.module.css";

const NAMES = ["process", "commands", "consumer", "work"] as const;

/** The four facts, one line each: the stroke, its name, what it rests on and for how long. */
export function Facts({ presence }: { presence: Presence }) {
  const { strokes } = signOf(presence.state, presence);
  return (
    <dl className={classes.facts}>
      {NAMES.map((name, index) => {
        const { says, since } = presence[name];
        return (
          <div key={name}>
            <Bar mark={strokes[index] ?? "dashed"} color={strokeColor(presence.state)} />
            <dt>{name}</dt>
            <dd>
              {says}
              {since && (
                <>
                  , <Age since={since} as="precise" />
                </>
              )}
            </dd>
          </div>
        );
      })}
    </dl>
  );
}
