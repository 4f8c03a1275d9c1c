package dev.bowline.parity;

import dev.bowline.fixtures.Golden;
import dev.bowline.json.JsonObject;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Parameter;
import dev.bowline.optim.AdamW;
import dev.bowline.optim.Decayed;
import dev.bowline.tensor.TensorScope;
import java.util.List;
import java.util.Objects;
import org.bytedeco.pytorch.Tensor;

/// How far five steps of AdamW on the padded batch are from transformers with `torch.optim.AdamW`.
///
/// @param losses largest difference of the losses before each step, relative to the largest logit before the first
/// @param weights norm of the difference relative to the norm, of the recorded weight where that is worst after the
/// last step
record AdamWSteps(double losses, double weights) {

    /// What the losses may not exceed.
    static final double LOSS_BOUND = Distance.LOGITS_BOUND;

    /// What no weight may exceed.
    static final double WEIGHT_BOUND = 1e-3;

    private static final String FINAL = "adamw.final.";

    /// Trains `model`, which has the fixture's own values, as the reference was trained.
    static AdamWSteps train(LanguageModel model, Fixture fixture) {
        Golden reference = fixture.reference();
        JsonObject rates = fixture.facts().requireObject("adamw");
        TokenRows batch = TokenRows.padded(reference);
        double losses = 0;
        try (AdamW optimizer = settings(rates).create(model.trainable(), model.kernels())) {
            for (float expected : reference.floats("adamw.losses")) {
                try (TensorScope _ = TensorScope.open()) {
                    double loss = Outcome.of(model, batch).loss();
                    losses = Math.max(losses, Math.abs(expected - loss));
                }
                optimizer.step(rates.requireDouble("lr"));
            }
        }
        double weights = 0;
        for (String name : reference.names()) {
            if (name.startsWith(FINAL)) {
                Parameter parameter = Objects.requireNonNull(model.parameters().get(name.substring(FINAL.length())));
                Tensor actual = parameter.value().detach();
                weights = Math.max(weights, Distance.relative(reference.tensor(name), actual));
            }
        }
        double largest = batch.realOf(reference.tensor("logits")).abs().max().item_double();
        return new AdamWSteps(losses / largest, weights);
    }

    private static AdamW.Settings settings(JsonObject rates) {
        List<Double> betas = rates.requireArray("betas").doubles();
        return new AdamW.Settings(
                betas.get(0),
                betas.get(1),
                rates.requireDouble("eps"),
                rates.requireDouble("weight_decay"),
                Decayed.MATRICES);
    }
}
