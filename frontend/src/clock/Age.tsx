import { ago, precise, rough } from "../format/duration";
import { absolute, epochMs } from "../format/moment";
import { useNow } from "./now";
import { useZone } from "./zone";

interface Props {
  since: string;
  /** "rough": 9 m; "precise": 2 m 14 s; "ago": 9 m ago. */
  as?: "rough" | "precise" | "ago";
  className?: string | undefined;
}

const FORMS = { rough, precise, ago };

/** Time since a moment, counting on; the moment itself when the pointer rests on it. */
export function Age({ since, as = "rough", className }: Props) {
  const now = useNow();
  const zone = useZone((state) => state.zone);
  const ms = epochMs(since);
  return (
    <time dateTime={since} title={absolute(ms, zone)} className={className}>
      {FORMS[as](now - ms)}
    </time>
  );
}
