import type { ReactNode } from "react";

interface Props {
  /** What is inside, for who does not see it. */
  label: string;
  className?: string | undefined;
  children: ReactNode;
}

/** A box whose content may be wider or longer than it: it can be scrolled with the keyboard too. */
export function ScrollBox({ label, className, children }: Props) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: without the focus a keyboard cannot scroll it
    <section aria-label={label} tabIndex={0} className={className}>
      {children}
    </section>
  );
}
