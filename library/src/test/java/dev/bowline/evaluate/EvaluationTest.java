package dev.bowline.evaluate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.data.Dataset;
import dev.bowline.data.DatasetReader;
import dev.bowline.data.DatasetSettings;
import dev.bowline.data.DatasetSplit;
import dev.bowline.data.Example;
import dev.bowline.data.ExampleFormat;
import dev.bowline.data.PackedRow;
import dev.bowline.data.TrainingRows;
import dev.bowline.data.Truncation;
import dev.bowline.generate.GenerationSettings;
import dev.bowline.text.AssistantMask;
import dev.bowline.text.ChatTemplate;
import dev.bowline.text.Tokenizer;
import dev.bowline.train.FineTuning;
import dev.bowline.train.FineTuningPlan;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class EvaluationTest {

    private static final Path DEMO = Path.of("..", "cli", "src", "main", "resources", "demo");
    private static final int ROWS = 6;

    private static Dataset heldOut(Tokenizer tokenizer) {
        return DatasetReader.read(
                new DatasetSettings(
                        DEMO.resolve("heldout.jsonl"),
                        DatasetSplit.preferring("train"),
                        new ExampleFormat.Auto(),
                        512,
                        Truncation.ERROR,
                        OptionalInt.of(ROWS),
                        DatasetSettings.TrainedText.ASSISTANT,
                        AssistantMask.Answers.LAST),
                ChatTemplate.of(tokenizer),
                tokenizer);
    }

    private interface Work {
        void with(Pretrained pretrained, Tokenizer tokenizer, Dataset dataset);
    }

    private static void open(Work work) {
        try (Tokenizer tokenizer = Tokenizer.open(DEMO.resolve("model"));
                Pretrained pretrained = AutoModel.fromPretrained(DEMO.resolve("model"))) {
            work.with(pretrained, tokenizer, heldOut(tokenizer));
        }
    }

    private static EvaluationResult run(
            Pretrained pretrained, Tokenizer tokenizer, Dataset dataset, EvaluationMetric... metrics) {
        GenerationSettings settings = GenerationSettings.of(
                        pretrained.model().config(), pretrained.checkpoint().generationConfig())
                .withMaxNewTokens(8);
        AnswerScores scores = new AnswerScores(EnumSet.copyOf(List.of(metrics)), Optional.empty());
        return new Evaluation(pretrained.model(), tokenizer, settings, scores)
                .run(EvaluationRows.of(dataset, ROWS, "heldout"), () -> false, Evaluation.Listener.silent());
    }

    /// The demo's answers are the only trained tokens, so the validation loss is over the same tokens.
    @Test
    void perplexityIsTheExponentialOfTheValidationLoss() {
        open((pretrained, tokenizer, dataset) -> {
            double perplexity = run(pretrained, tokenizer, dataset, EvaluationMetric.PERPLEXITY)
                    .mean("perplexity")
                    .orElseThrow();
            List<PackedRow> rows = PackedRow.unpacked(dataset.examples());
            try (FineTuning tuning = new FineTuning(
                    pretrained.model(),
                    new TrainingRows(rows, TrainingRows.Order.AS_READ, 0),
                    FineTuningPlan.of(1, 1, 1e-3))) {
                assertEquals(Math.exp(tuning.validate(rows).loss()), perplexity, 1e-4 * perplexity);
            }
        });
    }

    @Test
    void aQuestionEndsWhereTheAnswerBegins() {
        open((_, tokenizer, dataset) -> {
            EvaluationRow row = EvaluationRows.of(dataset, 1, "heldout").getFirst();

            assertEquals("2059-07-04", row.text(tokenizer));
            assertEquals("2059-07-04<turn|>", row.rawText(tokenizer));
            assertTrue(tokenizer.decodeWithSpecialTokens(row.prompt()).endsWith("<|turn>model\n"));
        });
    }

    @Test
    void theLastAnswerOfSeveralIsExpected() {
        boolean[] targets = {false, false, true, true, false, true, true, false};
        EvaluationRow row = EvaluationRow.of(new Example(new int[] {1, 2, 3, 4, 5, 6, 7, 8}, targets, "file:1"))
                .orElseThrow();

        assertArrayEquals(new int[] {1, 2, 3, 4, 5}, row.prompt());
        assertArrayEquals(new int[] {6, 7}, row.answer());
    }

    @Test
    void plainTextHasNoQuestion() {
        Example text = new Example(new int[] {1, 2, 3}, new boolean[] {false, true, true}, "file:1");

        assertEquals(Optional.empty(), EvaluationRow.of(text));
    }

    @Test
    void answersAreThoseOfTheGenerationAndCanStopEarly() {
        open((pretrained, tokenizer, dataset) -> {
            EvaluationResult once = run(pretrained, tokenizer, dataset, EvaluationMetric.EXACT_MATCH);
            EvaluationResult again = run(pretrained, tokenizer, dataset, EvaluationMetric.EXACT_MATCH);
            List<Integer> seen = new ArrayList<>();
            EvaluationResult two = new Evaluation(
                            pretrained.model(),
                            tokenizer,
                            GenerationSettings.greedy(2),
                            new AnswerScores(EnumSet.of(EvaluationMetric.STOP_RATE), Optional.empty()))
                    .run(
                            EvaluationRows.of(dataset, ROWS, "heldout"),
                            () -> seen.size() == 2,
                            (_, number, _) -> seen.add(number));

            assertEquals(ROWS, once.rows().size());
            assertEquals(once.rows(), again.rows());
            assertEquals(List.of(1, 2), seen);
            assertEquals(0.0, two.mean("stop_rate").orElseThrow());
            assertEquals(2, two.meanTokens());
        });
    }

    @Test
    void dataWithoutAQuestionIsRefused() {
        open((_, _, dataset) -> {
            Example text = new Example(new int[] {1, 2, 3}, new boolean[] {false, true, true}, "file:1");
            Dataset plain =
                    new Dataset(List.of(text), 1, 1, dataset.divided(), 0, dataset.ends(), List.of(), List.of());

            assertThrows(BowlineException.class, () -> EvaluationRows.of(plain, 10, "file"));
        });
    }
}
