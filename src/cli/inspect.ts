import type { Command } from 'commander'
export function addInspect(parent: Command): void {
  void parent
}
