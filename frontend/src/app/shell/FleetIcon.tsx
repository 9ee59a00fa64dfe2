import type { IconProps } from "@tabler/icons-react";

/** Four strokes: the fleet. */
export function FleetIcon({ size = 16, stroke = 1.5, className }: IconProps) {
  return (
    <svg
      aria-hidden="true"
      className={className}
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth={stroke}
      strokeLinecap="round"
    >
      <path d="M3 3v10M6.3 3v10M9.7 3v10M13 3v10" />
    </svg>
  );
}
