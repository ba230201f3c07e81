const painter = 'another command, for it paints: atelier generate image'

/** What well-known architectures need that is not here, by `model_type`, for the message that refuses them. */
const missing: Readonly<Record<string, string>> = {
  bart: 'post-norm encoder-decoders with learned positions',
  bloom: 'attention biased by distance (ALiBi)',
  dcgan: painter,
  deberta: 'disentangled attention',
  'deberta-v2': 'disentangled attention',
  deepseek_v2: 'latent attention and mixtures of experts',
  deepseek_v3: 'latent attention and mixtures of experts',
  electra: 'a discriminator of replaced words',
  falcon: 'attention and feed-forward side by side',
  gemma: 'scaled embeddings and norms of 1 + weight',
  gemma2: 'soft-capped logits and windows in every other layer',
  gemma3_text: 'windows and rotary bases that differ between layers',
  gpt_neo: 'local attention in every other layer',
  gpt_neox: 'attention and feed-forward side by side, and rotation of a part of each head',
  gptj: 'attention and feed-forward side by side, and rotation of a part of each head',
  mamba: 'selective state spaces',
  mamba2: 'selective state spaces',
  marian: 'post-norm encoder-decoders with sinusoidal positions',
  mbart: 'encoder-decoders with learned positions',
  mixtral: 'mixtures of experts',
  olmo2: 'norms after attention and feed-forward',
  opt: 'ReLU decoders with learned positions that begin at 2',
  pegasus: 'encoder-decoders with sinusoidal positions',
  phi: 'attention and feed-forward side by side, and rotation of a part of each head',
  phi3: 'matrices that hold queries, keys and values together',
  qwen2_moe: 'mixtures of experts',
  qwen3_moe: 'mixtures of experts',
  r3gan: painter,
  smollm3: 'layers without rotary positions',
  umt5: 'relative biases in every layer',
  'wgan-gp': painter,
  whisper: 'an encoder of sound',
}

/** `, it needs mixtures of experts`, or nothing where what is missing is not known. */
export function whatIsMissing(modelType: string): string {
  return Object.hasOwn(missing, modelType) ? `, it needs ${missing[modelType]}` : ''
}
