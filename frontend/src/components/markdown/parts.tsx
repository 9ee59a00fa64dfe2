import { type ComponentProps, isValidElement, type ReactNode } from "react";
import type { Components } from "react-markdown";
import { CodeBlock } from "./CodeBlock";
import classes from "./Markdown.module.css";

function ExternalLink({ href, children }: { href?: string | undefined; children?: ReactNode }) {
  if (!href) return <span>{children}</span>;
  return (
    <a href={href} target="_blank" rel="noopener noreferrer" title={href}>
      {children}
    </a>
  );
}

/** Pictures are never fetched: they would tell a stranger that somebody reads this. */
function NamedPicture({ src, alt }: ComponentProps<"img">) {
  const text = alt ? `picture: ${alt}` : "picture";
  return <ExternalLink href={typeof src === "string" ? src : undefined}>{text}</ExternalLink>;
}

function Preformatted({ children }: { children?: ReactNode }) {
  if (!isValidElement<{ className?: string; children?: ReactNode }>(children)) return <pre>{children}</pre>;
  const language = /language-(\S+)/.exec(children.props.className ?? "")?.[1] ?? "";
  return <CodeBlock code={String(children.props.children ?? "").replace(/\n$/, "")} language={language} />;
}

export const PARTS: Components = {
  a: ({ href, children }) => <ExternalLink href={href}>{children}</ExternalLink>,
  img: ({ src, alt }) => <NamedPicture src={src} alt={alt} />,
  input: ({ checked }) => (
    <input type="checkbox" disabled checked={checked === true} readOnly aria-label={checked ? "done" : "not done"} />
  ),
  pre: ({ children }) => <Preformatted>{children}</Preformatted>,
  table: ({ children }) => (
    <div className={classes.table}>
      <table>{children}</table>
    </div>
  ),
};
