import { Button, type ButtonProps } from "@mantine/core";
import clsx from "clsx";
import type { ReactNode } from "react";
import classes from "./page.module.css";

interface Props extends ButtonProps {
  /** What it does; on a phone only its sign is shown. */
  name: string;
  sign: ReactNode;
  onClick(): void;
  title?: string;
}

/** A button that is its sign alone where there is no room for words. */
export function BriefButton({ name, sign, className, ...rest }: Props) {
  return (
    <Button {...rest} className={clsx(classes.brief, className)} leftSection={sign} aria-label={name}>
      {name}
    </Button>
  );
}
