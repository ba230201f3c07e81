import type { Command } from 'commander'
export function addStart(parent: Command): void {
  void parent
}
