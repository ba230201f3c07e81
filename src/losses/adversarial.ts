import { gradients } from '../graph/gradient.ts'
import { greater } from '../graph/operations/compare.ts'
import { abs, add, cast, mul, neg, softplus, sqrt, sub } from '../graph/operations/elementwise.ts'
import { mean, sum } from '../graph/operations/reduce.ts'
import { slice } from '../graph/operations/shape.ts'
import type { Tensor } from '../graph/tensor.ts'

/** A discriminator, as a loss sees it: pictures [B, C, H, W] and what was asked for → logits [B]. */
export type Critic = (pictures: Tensor, condition?: Tensor) => Tensor

/** What a step of either player is made of. Real and fake pictures come in pairs: the i-th of each. */
export interface Duel {
  /** With augmentation applied before it. */
  readonly real: Tensor
  readonly fake: Tensor
  readonly condition?: Tensor
  /** What was asked for by other pictures than these. */
  readonly mismatched?: Tensor
  /** Uniform numbers [B, 1, 1, 1] that say where between the two a gradient is looked at. */
  readonly between: Tensor
  readonly critic: Critic
}

/** A scalar loss, and scalars that tell how the duel stands. */
export interface PlayerLoss {
  readonly loss: Tensor
  readonly reports: Readonly<Record<string, Tensor>>
}

/** Weights of a discriminator's loss. */
export interface AdversarialWeights {
  /** γ of the gradient penalties, or a placeholder of it. */
  readonly penalty: number | Tensor
  /** Share of the batch, above 0 up to 1, whose gradients are penalized: the same in the mean, for less work. */
  readonly penaltyShare: number
  /** Of telling the right words from wrong ones. */
  readonly matching: number
}

/** A game that two networks play. */
export interface Objective {
  readonly name: string
  /** Discriminator's steps to one of the generator. */
  readonly discriminatorSteps: number
  discriminator(duel: Duel, weights: AdversarialWeights): PlayerLoss
  generator(duel: Duel): PlayerLoss
}

/** ½ γ E‖∇_x D(x)‖²: R1 on real pictures, R2 on fake ones (Mescheder et al. 2018, equation 9). Gives E‖∇‖². */
export function squaredGradientNorm(logits: Tensor, pictures: Tensor): Tensor {
  const [gradient] = gradients(sum(logits), [pictures]) as [Tensor]
  return mean(sum(mul(gradient, gradient), { axes: [1, 2, 3] }))
}

/** The first `share` of a batch, at least one picture. */
function part(x: Tensor, share: number): Tensor {
  return slice(x, 0, 0, Math.max(1, Math.round((x.shape[0] as number) * share)))
}

/** E over pairs of softplus(worse − better): how sure it is to rank the better above the worse. */
function ranking(better: Tensor, worse: Tensor): Tensor {
  return mean(softplus(sub(worse, better)))
}

/** E|fake − real|: how far a picture is from the very one that its words belong to (Isola et al. 2017, equation 3). */
export function reconstructionError(fake: Tensor, real: Tensor): Tensor {
  return mean(abs(sub(fake, real)))
}

/** Logits of both sides, and what is reported of them. */
function judged({ real, fake, condition, critic }: Duel) {
  const [onReal, onFake] = [critic(real, condition), critic(fake, condition)]
  const difference = sub(onReal, onFake)
  const realAhead = mean(cast(greater(difference, 0), 'float32'))
  return { onReal, onFake, difference, reports: { realLogit: mean(onReal), fakeLogit: mean(onFake), realAhead } }
}

/** E‖∇‖² on real and on fake pictures. */
function penalties({ real, fake, condition, critic }: Duel, onReal: Tensor, onFake: Tensor, share: number) {
  if (share === 1) return { r1: squaredGradientNorm(onReal, real), r2: squaredGradientNorm(onFake, fake) }
  const asked = condition && part(condition, share)
  const norm = (pictures: Tensor) => {
    const some = part(pictures, share)
    return squaredGradientNorm(critic(some, asked), some)
  }
  return { r1: norm(real), r2: norm(fake) }
}

/**
 * The game of R3GAN (Huang et al. 2024, equations 2 and 5; Jolicoeur-Martineau 2019): each fake picture is judged against
 * a real one, L_D = E softplus(D(fake) − D(real)) + γ/2 (R1 + R2), L_G = E softplus(D(real) − D(fake)).
 *
 * With words, L_D also ranks a real picture with its words above the same picture with others' (Reed et al. 2016,
 * matching-aware, in relativistic form).
 */
export const relativistic: Objective = {
  name: 'relativistic',
  discriminatorSteps: 1,
  discriminator(duel, { penalty, penaltyShare, matching }) {
    const { onReal, onFake, reports } = judged(duel)
    const { r1, r2 } = penalties(duel, onReal, onFake, penaltyShare)
    const loss = add(ranking(onReal, onFake), mul(add(r1, r2), mul(penalty, 0.5)))
    if (!duel.mismatched || matching === 0) return { loss, reports: { ...reports, r1, r2 } }
    const wrong = ranking(onReal, duel.critic(duel.real, duel.mismatched))
    return { loss: add(loss, mul(wrong, matching)), reports: { ...reports, r1, r2, matchingLoss: wrong } }
  },
  generator(duel) {
    const { onReal, onFake, reports } = judged(duel)
    return { loss: ranking(onFake, onReal), reports }
  },
}

/** The first game in its non-saturating form (Goodfellow et al. 2014, §3), by logits, with R1 on real pictures. */
export const nonSaturating: Objective = {
  name: 'non-saturating',
  discriminatorSteps: 1,
  discriminator(duel, { penalty }) {
    const { onReal, onFake, reports } = judged(duel)
    const loss = add(mean(softplus(neg(onReal))), mean(softplus(onFake)))
    if (penalty === 0) return { loss, reports }
    const r1 = squaredGradientNorm(onReal, duel.real)
    return { loss: add(loss, mul(r1, mul(penalty, 0.5))), reports: { ...reports, r1 } }
  },
  generator(duel) {
    const { onFake, reports } = judged(duel)
    return { loss: mean(softplus(neg(onFake))), reports }
  },
}

/**
 * WGAN-GP (Gulrajani et al. 2017, equation 3 and algorithm 1): L_D = E D(fake) − E D(real) + λ E (‖∇ D(x̂)‖ − 1)²,
 * L_G = −E D(fake), where x̂ lies at random between a real and a fake picture.
 */
export const wasserstein: Objective = {
  name: 'wasserstein',
  discriminatorSteps: 5,
  discriminator(duel, { penalty }) {
    const { difference, reports } = judged(duel)
    const x = add(duel.fake, mul(duel.between, sub(duel.real, duel.fake)))
    const [gradient] = gradients(sum(duel.critic(x, duel.condition)), [x]) as [Tensor]
    const norm = sqrt(add(sum(mul(gradient, gradient), { axes: [1, 2, 3] }), 1e-12))
    const off = sub(norm, 1)
    const gradientPenalty = mean(mul(off, off))
    const loss = add(neg(mean(difference)), mul(gradientPenalty, penalty))
    return { loss, reports: { ...reports, gradientPenalty } }
  },
  generator(duel) {
    const { onFake, reports } = judged(duel)
    return { loss: neg(mean(onFake)), reports }
  },
}
