import { useComputedColorScheme } from "@mantine/core";
import "@xterm/xterm/css/xterm.css";
import { type Ref, useEffect, useImperativeHandle, useRef, useState } from "react";
import { type AppendOnly, itemsOf } from "../../../live/appendOnly";
import type { StoredOutput } from "../../../live/commandData";
import { Screen } from "../screen";
import classes from "./Console.module.css";
import { JumpPill } from "./JumpPill";

export interface TerminalHandle {
  find(text: string, back: boolean): boolean;
  endFind(): void;
}

interface Props {
  /** Another one begins an empty screen. */
  name: string;
  output: AppendOnly<StoredOutput>;
  handle: Ref<TerminalHandle>;
}

/** A command's output as a terminal shows it. */
export default function TerminalView({ name, output, handle }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const screen = useRef<Screen | null>(null);
  const shown = useRef({ name: "", size: 0 });
  const [below, setBelow] = useState(0);
  const scheme = useComputedColorScheme("dark");
  const firstScheme = useRef(scheme);

  useEffect(() => {
    if (!box.current) return;
    const made = new Screen(box.current, firstScheme.current, { onBelow: setBelow });
    screen.current = made;
    shown.current = { name: "", size: 0 };
    const observer = new ResizeObserver(() => made.fit());
    observer.observe(box.current);
    return () => {
      observer.disconnect();
      made.dispose();
      screen.current = null;
    };
  }, []);
  useEffect(() => screen.current?.setScheme(scheme), [scheme]);
  useEffect(() => {
    if (shown.current.name !== name) {
      screen.current?.clear();
      shown.current = { name, size: 0 };
    }
    screen.current?.write(itemsOf(output, shown.current.size));
    shown.current.size = output.size;
  }, [name, output]);
  useImperativeHandle(handle, () => ({
    find: (text, back) => screen.current?.find(text, back) ?? false,
    endFind: () => screen.current?.endFind(),
  }));

  return (
    <div className={classes.screen}>
      <div ref={box} className={classes.terminal} data-testid="terminal" />
      {below > 0 && <JumpPill lines={below} onJump={() => screen.current?.toEnd()} />}
    </div>
  );
}
