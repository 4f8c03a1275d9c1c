package dev.bowline.model;

import dev.bowline.BowlineException;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.Slot;
import dev.bowline.tensor.Shapes;
import dev.bowline.ties.TieGroup;
import dev.bowline.ties.TieLedger;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The checks that keep a head and its embedding one value.
public final class TiedWeights {

    private TiedWeights() {}

    /// True if the head *is* the input embedding: declared tied, equal shapes, and one parameter with one tensor.
    ///
    /// Two tensors on one storage are not a tie: each has its own gradient and optimizer state, and they
    /// drift apart.
    public static boolean hasLocalTiedLmHead(TiedHead model) {
        return model.tieFlag().tied() && isOne(model.lmHead(), model.inputEmbedding());
    }

    /// Makes the head the input embedding: by the model's own hook, then by direct assignment. Does nothing when the
    /// flag says untied.
    ///
    /// @throws BowlineException with the reason if the pair is still not one
    public static void ensureTiedLmHead(TiedHead model) {
        if (!model.tieFlag().tied() || hasLocalTiedLmHead(model)) {
            return;
        }
        model.tieWeights();
        if (!hasLocalTiedLmHead(model) && sameShape(model)) {
            model.lmHead().tieTo(model.inputEmbedding());
        }
        if (!hasLocalTiedLmHead(model)) {
            throw new BowlineException(
                    "%s: %s, but 'lm_head' could not be tied: %s"
                            .formatted(model.architecture(), model.tieFlag().describe(), reason(model)),
                    "set tie_word_embeddings to false to keep a separate head, or give both the same shape");
        }
    }

    /// True if two slots reach one parameter through one tensor of one shape.
    public static boolean isOne(Slot head, Slot embedding) {
        Parameter a = head.get();
        Parameter b = embedding.get();
        boolean sameTensor = !a.isMaterialized() || !b.isMaterialized() || a.tensorAddress() == b.tensorAddress();
        return a == b && sameTensor && Arrays.equals(head.shape(), embedding.shape());
    }

    /// Refuses a model in which two parameters share a tensor object, or a declared-untied head is the embedding: the
    /// optimizer would step it twice, or train one value where the config promises two.
    public static void requireDistinct(TiedHead model, Map<String, Parameter> parameters) {
        Map<Long, String> owners = new HashMap<>();
        parameters.forEach((name, parameter) -> {
            if (parameter.isMaterialized()) {
                String other = owners.put(parameter.tensorAddress(), name);
                if (other != null) {
                    throw new BowlineException(
                            "'%s' and '%s' hold the same tensor without being tied".formatted(other, name),
                            "tie one slot to the other, or give each its own tensor");
                }
            }
        });
        if (!model.tieFlag().tied() && isOne(model.lmHead(), model.inputEmbedding())) {
            throw new BowlineException(
                    "%s: %s, but 'lm_head' is the input embedding"
                            .formatted(model.architecture(), model.tieFlag().describe()),
                    "give the head a parameter of its own before using the model");
        }
    }

    /// The ties of a model now, by the identity of its parameters and not by its flag.
    ///
    /// @param hashAtLoad SHA-256 of the input embedding's bytes as read; empty for a model that was not loaded
    public static TieLedger ledger(TiedHead model, Optional<String> hashAtLoad) {
        List<String> aliases = isOne(model.lmHead(), model.inputEmbedding())
                ? List.of(model.lmHead().path())
                : List.of();
        return new TieLedger(List.of(new TieGroup(
                "lm_head", model.inputEmbedding().path(), aliases, model.tieFlag(), hashAtLoad, Optional.empty())));
    }

    private static boolean sameShape(TiedHead model) {
        return Arrays.equals(model.lmHead().shape(), model.inputEmbedding().shape());
    }

    private static String reason(TiedHead model) {
        Slot head = model.lmHead();
        Slot embedding = model.inputEmbedding();
        return sameShape(model)
                ? "'%s' still reaches a parameter that is not that of '%s'".formatted(head.path(), embedding.path())
                : "'%s' has shape %s and '%s' has shape %s"
                        .formatted(
                                head.path(),
                                Shapes.text(head.shape()),
                                embedding.path(),
                                Shapes.text(embedding.shape()));
    }
}
