/**
 * One training step of T5-mini (31 M parameters, 16 pairs of 128 tokens to read and 32 to write): ours and Hugging Face
 * transformers' on PyTorch eager, in turns.
 *
 *     ATELIER_PYTHON=… npm run bench -- train-t5 [rounds=5] [seconds=10]
 */
import { besideTransformers } from './beside-transformers.ts'
import { t5Task } from './models/transformers-tasks.ts'

await besideTransformers('t5', t5Task(), [{ name: 'transformers', flags: [], bar: '≥ 1, aim 1.3' }])
