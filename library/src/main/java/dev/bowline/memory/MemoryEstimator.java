package dev.bowline.memory;

import dev.bowline.checkpoint.Checkpoint;
import dev.bowline.checkpoint.CheckpointMapping;
import dev.bowline.model.Component;
import dev.bowline.model.LanguageModel;
import dev.bowline.model.QuantizedLinears;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.SlotRole;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.MatMul;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/// Estimates the memory of a fine-tuning of one checkpoint under any plan. It reads headers and no weights.
final class MemoryEstimator {

    /// The JVM with libtorch loaded and no model. Measured; see docs/guides/finetune.md.
    static final long PROCESS_BYTES = 300L << 20;

    /// Temporary memory of the softmax over a few rows of logits; see [dev.bowline.loss.ChunkedCrossEntropy].
    private static final long SOFTMAX_BYTES = 8L << 20;

    /// The upper bound of the compiled kernels and buffers of oneDNN, which multiplies bfloat16 for libtorch:
    /// oneDNN keeps a thousand kernels, and experts need some for each size of their rows. Measured; see
    /// docs/guides/finetune.md.
    private static final long ONEDNN_BYTES = 576L << 20;

    /// The most products of a bfloat16 head that are summed in bfloat16; more products are summed separately in
    /// float32.
    private static final int FEW_PRODUCTS = 4;

    private final LanguageModel model;
    private final Map<String, Dtype> inFiles;
    private final ActivationMemory activations;

    /// @param model built from the checkpoint's config.json, without values
    MemoryEstimator(Checkpoint checkpoint, LanguageModel model) {
        this.model = model;
        inFiles = CheckpointMapping.of(checkpoint, model).wholeTensors();
        activations = new ActivationMemory(model);
    }

    MemoryEstimate of(MemoryPlan plan) {
        Map<Component, MemoryEstimate.Part> parts = new EnumMap<>(Component.class);
        long mapped = 0;
        for (Map.Entry<String, Parameter> entry : model.parameters().entrySet()) {
            Component component = model.component(entry.getKey());
            MemoryEstimate.Part part = part(entry.getKey(), component, entry.getValue(), plan);
            if (part.bytes() == 0) {
                mapped += entry.getValue().elements() * plan.dtype().bytes();
            }
            parts.merge(component, part, MemoryEstimator::sum);
        }
        plan.adapter()
                .ifPresent(adapter -> adapter.modules().forEach(module -> {
                    Component component = model.component(module.module() + ".weight");
                    parts.merge(component, adapter.part(component, module, plan.optimizer()), MemoryEstimator::sum);
                }));
        List<MemoryEstimate.Part> all = new ArrayList<>(parts.values());
        long gradients = all.stream().mapToLong(MemoryEstimate.Part::gradients).sum();
        long kept = activations.bytes(plan);
        long loss = loss(plan);
        return new MemoryEstimate(
                all,
                kept + kernels(plan),
                loss,
                headGradient(plan),
                PROCESS_BYTES,
                plan.microBatches() == 1 ? Math.min(kept, gradients - gradientOfHead(plan)) : 0,
                mapped,
                plan.rows(),
                plan.columns());
    }

    private MemoryEstimate.Part part(String name, Component component, Parameter parameter, MemoryPlan plan) {
        long elements = parameter.elements();
        long size = plan.dtype().bytes();
        boolean trained = parameter.role() != SlotRole.BUFFER && !plan.frozen().contains(component);
        if (trained) {
            long state = plan.optimizer().stateBytes(plan.dtype(), parameter.shape());
            return new MemoryEstimate.Part(component, elements * size, elements * size, state);
        }
        long inMemory = QuantizedLinears.bytes(parameter)
                .orElseGet(() -> inFiles.get(name) == plan.dtype() ? 0 : elements * size);
        return new MemoryEstimate.Part(component, inMemory, 0, 0);
    }

    private static MemoryEstimate.Part sum(MemoryEstimate.Part a, MemoryEstimate.Part b) {
        return new MemoryEstimate.Part(
                a.component(), a.weights() + b.weights(), a.gradients() + b.gradients(), a.optimizer() + b.optimizer());
    }

    private static long kernels(MemoryPlan plan) {
        return plan.dtype() == Dtype.BFLOAT16 && MatMul.isDirect(Dtype.BFLOAT16) ? ONEDNN_BYTES : 0;
    }

    /// Logits; the targets' hidden states with their gradients; the gradient of every hidden state.
    private long loss(MemoryPlan plan) {
        long size = plan.dtype().bytes();
        long logits = plan.logitRows() * model.vocabularySize() * plan.bytesPerLogit();
        return logits + 3 * plan.tokens() * hiddenSize() * size + SOFTMAX_BYTES;
    }

    private long headGradient(MemoryPlan plan) {
        long products = Math.ceilDiv(plan.tokens(), plan.logitRows());
        boolean isSeparate = plan.dtype() != Dtype.FLOAT32 && products > FEW_PRODUCTS && trainsHead(plan);
        return isSeparate
                ? headElements() * (Dtype.FLOAT32.bytes() + plan.dtype().bytes())
                : 0;
    }

    /// The gradient of the head, which is allocated before any activation is freed.
    private long gradientOfHead(MemoryPlan plan) {
        return trainsHead(plan) ? headElements() * plan.dtype().bytes() : 0;
    }

    private boolean trainsHead(MemoryPlan plan) {
        return !plan.frozen().contains(model.component(model.lmHead().root().path()));
    }

    private long headElements() {
        return model.vocabularySize() * hiddenSize();
    }

    private long hiddenSize() {
        return model.inputEmbedding().shape()[1];
    }
}
