import { useId } from "react";

const STROKES = "M3.6 3.5v17M9.2 8v12.5M14.8 8v12.5M20.4 3.5v17";
const SLASH = "M1 17.2 23 8.2";
const WORD =
  "M2 16V6M2 9.4a3.2 3.4 0 0 1 6.4 0V16M8.4 9.4a3.2 3.4 0 0 1 6.4 0V16M19.6 6v6.5a3.4 3.5 0 0 0 6.8 0V6M26.4 6v10M37.3 8.2C36.7 6.7 35.5 6 34 6c-1.8 0-3 1-3 2.5 0 3.5 6.6 1.5 6.6 5 0 1.5-1.3 2.5-3.3 2.5-1.7 0-3.1-.8-3.6-2.4M43.4 2.6v10.6c0 1.8 1 2.8 2.7 2.8h.9M40.7 6h6.1M50.6 11h9c0-3-1.8-5-4.5-5-2.6 0-4.5 2.1-4.5 5s1.9 5 4.7 5c1.8 0 3.1-.7 3.9-2.1M64.4 16V6M64.4 10c.3-2.6 1.9-4 4.3-3.9";

/** The sign of Muster, with its name unless there is no room. */
export function Logo({ word = true, height = 22 }: { word?: boolean; height?: number }) {
  const mask = useId();
  const width = word ? (height / 24) * 106 : (height / 24) * 26;
  return (
    <svg
      role="img"
      aria-label="Muster"
      width={width}
      height={height}
      viewBox={word ? "-1 0 106 24" : "-1 0 26 24"}
      fill="none"
      strokeLinecap="round"
      strokeLinejoin="round"
      stroke="currentColor"
      style={{ display: "block", flex: "none" }}
    >
      <mask id={mask}>
        <path fill="#fff" stroke="none" d="M-4-4h112v32H-4z" />
        <path stroke="#000" strokeWidth="6" d={SLASH} />
      </mask>
      <path mask={`url(#${mask})`} strokeWidth="2.7" d={STROKES} />
      <path stroke="var(--mu-you)" strokeWidth="2.7" d={SLASH} />
      {word && <path transform="translate(32 2.5)" strokeWidth="2.3" d={WORD} />}
    </svg>
  );
}
