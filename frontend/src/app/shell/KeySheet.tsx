import { Kbd, Modal } from "@mantine/core";
import classes from "./KeySheet.module.css";

const GROUPS: [string, [string[], string][]][] = [
  [
    "Everywhere",
    [
      [["⌘K"], "find or do"],
      [["g", "f"], "fleet"],
      [["g", "c"], "conversations"],
      [["g", "q"], "queues"],
      [["c"], "push a command"],
      [["?"], "this sheet"],
    ],
  ],
  [
    "Fleet",
    [
      [["/"], "filter"],
      [["j"], "next agent"],
      [["k"], "previous agent"],
      [["⏎"], "open"],
      [["c"], "copy the join command, on the first page"],
    ],
  ],
  [
    "Agent",
    [
      [["c"], "to the prompt"],
      [["s"], "stop the command"],
      [["↑"], "earlier line, in the prompt"],
    ],
  ],
  [
    "Conversation",
    [
      [["⏎"], "send"],
      [["⇧", "⏎"], "new line"],
      [["s"], "stop the run"],
      [["Esc"], "stop the run, from the composer"],
    ],
  ],
  [
    "Queues",
    [
      [["/"], "filter queues"],
      [["j"], "next dead letter"],
      [["k"], "previous dead letter"],
      [["x"], "select"],
      [["⏎"], "open"],
      [["⌘", "⏎"], "replay what is open, or save"],
    ],
  ],
];

/** Every key, in one place. */
export function KeySheet({ opened, onClose }: { opened: boolean; onClose(): void }) {
  return (
    <Modal opened={opened} onClose={onClose} title="Keys" size={640}>
      <div className={classes.sheet}>
        {GROUPS.map(([name, keys]) => (
          <section key={name}>
            <h2>{name}</h2>
            <dl>
              {keys.map(([strokes, does]) => (
                <div key={does}>
                  <dt>
                    {strokes.map((stroke) => (
                      <Kbd key={stroke}>{stroke}</Kbd>
                    ))}
                  </dt>
                  <dd>{does}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Modal>
  );
}
