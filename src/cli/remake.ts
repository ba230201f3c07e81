import type { Command } from 'commander'
export function addRemake(parent: Command): void {
  void parent
}
