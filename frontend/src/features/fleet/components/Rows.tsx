import { useVirtualizer } from "@tanstack/react-virtual";
import { type CSSProperties, type ReactNode, type Ref, useImperativeHandle, useRef } from "react";
import classes from "./Wall.module.css";

/** Beyond this many cells only those in sight are in the page. */
const MOST_CELLS = 100;
const OVERSCAN = 4;

export interface RowsHandle {
  reveal(row: number): void;
}

interface Props {
  count: number;
  height: number;
  columns: number;
  handle: Ref<RowsHandle>;
  children(row: number): ReactNode;
}

/** Rows of equal height in a box that scrolls. */
export function Rows({ count, height, columns, handle, children }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const isVirtual = count * columns > MOST_CELLS;
  const virtual = useVirtualizer({
    count,
    estimateSize: () => height,
    getScrollElement: () => box.current,
    overscan: OVERSCAN,
    enabled: isVirtual,
  });
  useImperativeHandle(handle, () => ({
    reveal: (row) => {
      if (isVirtual) virtual.scrollToIndex(row);
    },
  }));
  const style = { "--columns": columns } as CSSProperties;
  if (!isVirtual) {
    return (
      <div ref={box} className={classes.box} style={style}>
        {Array.from({ length: count }, (_, row) => row).map((row) => (
          <div key={row} className={classes.row}>
            {children(row)}
          </div>
        ))}
      </div>
    );
  }
  return (
    <div ref={box} className={classes.box} style={style}>
      <div style={{ height: virtual.getTotalSize(), position: "relative" }}>
        {virtual.getVirtualItems().map(({ index, start }) => (
          <div key={index} className={classes.row} style={{ position: "absolute", top: start, right: 0, left: 0 }}>
            {children(index)}
          </div>
        ))}
      </div>
    </div>
  );
}
