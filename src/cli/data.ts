import type { Command } from 'commander'
export function addData(parent: Command): void {
  void parent
}
