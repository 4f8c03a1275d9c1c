package dev.bowline.evaluate;

import dev.bowline.generate.Continuation;
import dev.bowline.generate.Generation;
import dev.bowline.generate.GenerationSettings;
import dev.bowline.generate.TokenListener;
import dev.bowline.loss.ChunkedCrossEntropy;
import dev.bowline.loss.Loss;
import dev.bowline.loss.LossInput;
import dev.bowline.loss.Targets;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Sequences;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.TensorScope;
import dev.bowline.text.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.function.BooleanSupplier;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/// Lets a model answer rows and scores the answers.
///
/// An evaluation is for one thread. It borrows the model and the tokenizer.
///
/// @param settings of the generation; greedy settings give the same answers each time
/// @param scores of each answer
public record Evaluation(LanguageModel model, Tokenizer tokenizer, GenerationSettings settings, AnswerScores scores) {

    /// The tokens whose logits exist at once.
    private static final int CHUNK = 512;

    /// Receives each row when its answer is complete.
    public interface Listener {

        void answered(EvaluatedRow row, int number, int of);

        static Listener silent() {
            return (_, _, _) -> {};
        }
    }

    /// Answers the rows in their order.
    ///
    /// @param enough asked before each row but the first; true leaves out the rest
    public EvaluationResult run(List<EvaluationRow> rows, BooleanSupplier enough, Listener listener) {
        long start = System.nanoTime();
        List<EvaluatedRow> answered = new ArrayList<>();
        for (EvaluationRow row : rows) {
            if (!answered.isEmpty() && enough.getAsBoolean()) {
                break;
            }
            EvaluatedRow one = answer(row);
            answered.add(one);
            listener.answered(one, answered.size(), rows.size());
        }
        SequencedMap<String, EvaluationResult.Score> means = EvaluationResult.means(answered);
        if (scores.metrics().contains(EvaluationMetric.PERPLEXITY)) {
            means.put(
                    EvaluationMetric.PERPLEXITY.text(),
                    new EvaluationResult.Score(perplexity(rows.subList(0, answered.size())), answered.size()));
        }
        return new EvaluationResult(answered, means, (System.nanoTime() - start) / 1e9);
    }

    private EvaluatedRow answer(EvaluationRow row) {
        tokenizer.requireRows(row.prompt(), model.vocabularySize(), row.origin());
        Continuation continuation;
        try (Generation generation = new Generation(model)) {
            continuation = generation.generate(row.prompt(), settings, _ -> TokenListener.Verdict.CONTINUE);
        }
        int[] tokens =
                continuation.tokens().stream().mapToInt(Integer::intValue).toArray();
        GeneratedAnswer answer = new GeneratedAnswer(
                tokenizer.decode(tokens),
                tokenizer.decodeWithSpecialTokens(tokens),
                tokens.length,
                continuation.end() == Continuation.End.STOP_TOKEN
                        ? GeneratedAnswer.Ending.STOP_TOKEN
                        : GeneratedAnswer.Ending.LENGTH);
        return new EvaluatedRow(
                row.origin(),
                tokenizer.decodeWithSpecialTokens(row.prompt()),
                row.text(tokenizer),
                answer,
                scores.of(row.text(tokenizer), row.rawText(tokenizer), answer));
    }

    /// exp of the mean loss over the tokens of the expected answers.
    private double perplexity(List<EvaluationRow> rows) {
        Loss loss = new ChunkedCrossEntropy(CHUNK);
        double sum = 0;
        long targets = 0;
        for (EvaluationRow row : rows) {
            sum += loss(loss, row);
            targets += row.answer().length;
        }
        return Math.exp(sum / targets);
    }

    private double loss(Loss loss, EvaluationRow row) {
        int length = row.prompt().length + row.answer().length;
        long[] ids = new long[length];
        long[] labels = new long[length];
        for (int i = 0; i < length; i++) {
            int next = i + 1;
            ids[i] = token(row, i);
            labels[i] = next < length && next >= row.prompt().length ? token(row, next) : Targets.IGNORED;
        }
        try (NoGradGuard _ = new NoGradGuard();
                TensorScope _ = TensorScope.open()) {
            Tensor hidden =
                    model.hiddenStates(HostTensors.of(ids, 1, length), Sequences.causal(1, length), Optional.empty());
            return loss.sum(LossInput.of(hidden, model.head(), Targets.of(labels)));
        }
    }

    private static int token(EvaluationRow row, int at) {
        int prompt = row.prompt().length;
        return at < prompt ? row.prompt()[at] : row.answer()[at - prompt];
    }
}
