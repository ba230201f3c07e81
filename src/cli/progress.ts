import cliProgress from 'cli-progress'
import { dim, type Terminal } from './terminal.ts'

/** How often a line tells of the progress where nobody watches. */
const quietMs = 10_000

/**
 * How far some work is, on stderr: one line that is drawn again and again with a bar, or, where stderr is not a
 * screen, a plain line now and then.
 */
export class Progress {
  readonly #terminal: Terminal
  #bars: cliProgress.MultiBar | undefined
  #bar: cliProgress.SingleBar | undefined
  #told: { stage: string; at: number } = { stage: '', at: 0 }

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  /** Shows that a share (0 to 1) of a stage is done, with what there is to say of it. */
  show(stage: string, share: number, text: string): void {
    if (this.#terminal.watched.progress) this.#draw(stage, share, text)
    else this.#tell(stage, share, text)
  }

  /** Writes a line that stays. */
  line(text: string): void {
    this.#bars?.log(`${text}\n`)
    if (this.#bars) this.#bars.update()
    else this.#terminal.note(text)
  }

  /** Takes the bar away. */
  end(): void {
    this.#bars?.stop()
    this.#bars = undefined
    this.#bar = undefined
  }

  #draw(stage: string, share: number, text: string): void {
    if (!this.#bars) this.#begin()
    this.#bar?.update(Math.min(1, share), { stage, text })
  }

  #begin(): void {
    const payload = { stage: '', text: '' }
    this.#bars = new cliProgress.MultiBar(
      {
        format: `{stage} {bar} {percentage} % ${dim('·')} {text}`,
        barsize: 24,
        barCompleteChar: '█',
        barIncompleteChar: '░',
        clearOnComplete: true,
        gracefulExit: false,
        linewrap: null,
        fps: 10,
      },
      cliProgress.Presets.shades_classic,
    )
    this.#bar = this.#bars.create(1, 0, payload)
  }

  #tell(stage: string, share: number, text: string): void {
    const now = performance.now()
    if (stage === this.#told.stage && now - this.#told.at < quietMs) return
    this.#told = { stage, at: now }
    this.#terminal.note(`${stage} ${Math.floor(share * 100)} % · ${text}`)
  }
}
