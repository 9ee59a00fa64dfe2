import { absolute, clockTime, dayTime, epochMs, exactTime } from "../format/moment";
import { useNow } from "./now";
import { useZone } from "./zone";

interface Props {
  at: string;
  /** "day": 14:06 or 20 Nov 14:06; "exact": 14:06:27.204; "clock": 14:06:27. */
  as?: "day" | "exact" | "clock";
  className?: string | undefined;
}

/** A moment: short on screen, whole when the pointer rests on it. */
export function Moment({ at, as = "day", className }: Props) {
  const zone = useZone((state) => state.zone);
  const now = useNow();
  const ms = epochMs(at);
  const text = as === "day" ? dayTime(ms, now, zone) : as === "exact" ? exactTime(ms, zone) : clockTime(ms, zone);
  return (
    <time dateTime={at} title={absolute(ms, zone)} className={className}>
      {text}
    </time>
  );
}
