// A terminal that only shows: output is written in order, what came from stderr has a stroke beside it.
import { FitAddon } from "@xterm/addon-fit";
import { SearchAddon } from "@xterm/addon-search";
import { Terminal } from "@xterm/xterm";
import type { StoredOutput } from "../../live/commandData";
import { type Scheme, tokens } from "../../theme/tokens";
import { terminalTheme } from "./terminalTheme";

/** Lines that are kept above what is seen. */
const SCROLLBACK = 20_000;

export interface ScreenListener {
  /** Lines that came while the reader was not at the end; 0 at the end. */
  onBelow(lines: number): void;
}

export class Screen {
  private readonly terminal: Terminal;
  private readonly fitting = new FitAddon();
  private readonly searching = new SearchAddon();
  private readonly listener: ScreenListener;
  private queue: StoredOutput[] = [];
  private writing = false;
  private seenLines = 0;
  private scheme: Scheme;

  constructor(box: HTMLElement, scheme: Scheme, listener: ScreenListener) {
    this.listener = listener;
    this.scheme = scheme;
    this.terminal = new Terminal({
      allowProposedApi: true,
      convertEol: true,
      disableStdin: true,
      cursorInactiveStyle: "none",
      fontFamily: "'JetBrains Mono Variable', ui-monospace, monospace",
      fontSize: 12,
      lineHeight: 1.15,
      minimumContrastRatio: 4.5,
      scrollback: SCROLLBACK,
      theme: terminalTheme(scheme),
    });
    this.terminal.loadAddon(this.fitting);
    this.terminal.loadAddon(this.searching);
    this.terminal.open(box);
    this.terminal.textarea?.setAttribute("aria-label", "Output of the command");
    this.terminal.onScroll(() => this.tellBelow());
    this.clear();
    this.fit();
  }

  fit(): void {
    this.fitting.fit();
  }

  setScheme(scheme: Scheme): void {
    this.scheme = scheme;
    this.terminal.options.theme = terminalTheme(scheme);
  }

  clear(): void {
    this.queue = [];
    this.seenLines = 0;
    this.terminal.reset();
    // Nobody types here: no cursor.
    this.terminal.write("\u001b[?25l");
    this.listener.onBelow(0);
  }

  write(outputs: readonly StoredOutput[]): void {
    this.queue.push(...outputs);
    if (!this.writing) this.next();
  }

  toEnd(): void {
    this.terminal.scrollToBottom();
    this.tellBelow();
  }

  /** Finds the next or the previous place of `text`; false if there is none. */
  find(text: string, back: boolean): boolean {
    const colors = tokens[this.scheme];
    const decorations = {
      matchBackground: colors.bg3,
      matchOverviewRuler: colors.t3,
      activeMatchBackground: colors.line2,
      activeMatchBorder: colors.t1,
      activeMatchColorOverviewRuler: colors.t1,
    };
    const options = { decorations, incremental: !back };
    return back ? this.searching.findPrevious(text, options) : this.searching.findNext(text, options);
  }

  endFind(): void {
    this.searching.clearDecorations();
    this.terminal.clearSelection();
  }

  dispose(): void {
    this.terminal.dispose();
  }

  private line(): number {
    const { baseY, cursorY } = this.terminal.buffer.active;
    return baseY + cursorY;
  }

  /** Takes what came from one stream in one go; the terminal tells when it is on the screen. */
  private next(): void {
    const first = this.queue[0];
    this.writing = first !== undefined;
    if (!first) {
      this.tellBelow();
      return;
    }
    const end = this.queue.findIndex((output) => output.piece.stream !== first.piece.stream);
    const together = this.queue.splice(0, end < 0 ? this.queue.length : end);
    const from = this.line();
    let atLineStart = this.terminal.buffer.active.cursorX === 0;
    let text = "";
    for (const { piece } of together) {
      text += textOf(piece, atLineStart);
      if (text) atLineStart = text.endsWith("\n");
    }
    this.terminal.write(text, () => {
      if (first.piece.stream === "stderr") this.mark(from, this.line());
      this.next();
    });
  }

  private mark(from: number, to: number): void {
    const last = this.terminal.buffer.active.cursorX === 0 ? to - 1 : to;
    for (let line = Math.max(from, to - SCROLLBACK); line <= last; line += 1) {
      const marker = this.terminal.registerMarker(line - to);
      const decoration = this.terminal.registerDecoration({ marker, x: 0, width: 1, layer: "top" });
      decoration?.onRender((element) => {
        element.dataset.stderr = "";
        element.title = "stderr";
      });
    }
  }

  private tellBelow(): void {
    const { baseY, viewportY } = this.terminal.buffer.active;
    if (viewportY >= baseY) this.seenLines = baseY;
    this.listener.onBelow(Math.max(0, baseY - Math.max(viewportY, this.seenLines)));
  }
}

function textOf(piece: StoredOutput["piece"], atLineStart: boolean): string {
  if (piece.dropped === 0) return piece.text;
  return `${atLineStart ? "" : "\r\n"}[${piece.dropped} bytes were not kept]\r\n${piece.text}`;
}
