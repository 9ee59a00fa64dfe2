import { create } from "zustand";

interface TokenNumber {
  number: number;
  /** The name that the next token is for; the agent's machine names it otherwise. */
  name: string;
  /** Asks for another token. */
  next(name: string): void;
}

/** Which join token is shown; the same on every page that shows one. */
export const useTokenNumber = create<TokenNumber>((set, get) => ({
  number: 1,
  name: "",
  next: (name) => set({ number: get().number + 1, name }),
}));
