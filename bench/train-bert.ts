/**
 * One training step of BERT-mini (11.2 M parameters, 32 texts of 128 tokens, 15 % hidden): ours and Hugging Face
 * transformers' on PyTorch eager, in turns. We compute the output layer at the hidden places alone, as training does
 * here; transformers computes it everywhere, and once more at the hidden places alone, written by hand.
 *
 *     ATELIER_PYTHON=… npm run bench -- train-bert [rounds=5] [seconds=10]
 */
import { besideTransformers } from './beside-transformers.ts'
import { bertTask } from './models/transformers-tasks.ts'

await besideTransformers('bert', bertTask(), [
  { name: 'transformers', flags: [], bar: '≥ 1, aim 1.3' },
  { name: 'transformers, output at hidden places', flags: ['--gathered'] },
])
