package dev.bowline.train;

import dev.bowline.adapter.AdapterSummary;
import dev.bowline.catalog.AutoModel;
import dev.bowline.checkpoint.Checkpoint;
import dev.bowline.checkpoint.CheckpointMapping;
import dev.bowline.model.Component;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.ActivationCheckpointing;
import dev.bowline.nn.GatedExperts;
import dev.bowline.nn.Layer;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.SlotRole;
import dev.bowline.optim.OptimizerSettings;
import dev.bowline.parallel.ShardedLayer;
import dev.bowline.recipe.Recipe;
import dev.bowline.recipe.RecipeFile;
import dev.bowline.tensor.Dtype;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The values that the ranks of a run train.
///
/// @param elements all of them
/// @param root those outside of the layers
/// @param layers of the model
/// @param dtype of a value and of a gradient
/// @param state bytes of the optimizer's state
/// @param rows the values that a micro-batch sends to the experts of a layer: tokens, experts of a token, hidden size
/// @param checkpointing of the run
record TrainedValues(
        long elements,
        long root,
        List<LayerValues> layers,
        Dtype dtype,
        long state,
        long rows,
        ActivationCheckpointing checkpointing) {

    /// @param dense the values outside of experts that are trained
    /// @param experts the values of these experts
    record LayerValues(long dense, long experts) {}

    /// The values of the largest layer.
    long largestLayer() {
        return layers.stream()
                .mapToLong(layer -> layer.dense() + layer.experts())
                .max()
                .orElse(0);
    }

    long experts() {
        return layers.stream().mapToLong(LayerValues::experts).sum();
    }

    long layersWithExperts() {
        return layers.stream().filter(layer -> layer.experts() > 0).count();
    }

    static TrainedValues of(RecipeFile file) {
        Recipe recipe = file.recipe();
        OptimizerSettings optimizer = RecipePlan.settings(recipe.optimizer());
        Optional<Long> ofAdapter = RecipeAdapter.of(file).map(AdapterSummary::trainedValues);
        if (ofAdapter.isPresent()) {
            long elements = ofAdapter.get();
            return new TrainedValues(
                    elements,
                    0,
                    List.of(),
                    Dtype.FLOAT32,
                    optimizer.stateBytes(Dtype.FLOAT32, elements),
                    0,
                    recipe.activationCheckpointing());
        }
        try (Checkpoint checkpoint = Checkpoint.open(recipe.model().pretrainedModel());
                LanguageModel model = AutoModel.fromConfig(checkpoint.config())) {
            ModelFit.resize(recipe, model);
            Dtype dtype = recipe.model()
                    .torchDtype()
                    .orElseGet(() -> CheckpointMapping.of(checkpoint, model).loadDtype());
            return of(recipe, model, dtype, optimizer);
        }
    }

    private static TrainedValues of(Recipe recipe, LanguageModel model, Dtype dtype, OptimizerSettings optimizer) {
        Map<String, Parameter> trained = new HashMap<>(model.parameters());
        java.util.Set<Component> frozen = Freezing.components(recipe.freezeConfig());
        trained.entrySet()
                .removeIf(entry ->
                        entry.getValue().role() == SlotRole.BUFFER || frozen.contains(model.component(entry.getKey())));
        long root = elements(trained);
        List<LayerValues> layers = new ArrayList<>();
        for (Layer layer : model.layers()) {
            Map<String, Parameter> own = layer.parameters();
            own.keySet().retainAll(trained.keySet());
            long all = elements(own);
            long experts = new ShardedLayer(
                            own, List.copyOf(layer.gatedExperts().values()))
                    .trainedExperts().stream()
                            .mapToLong(TrainedValues::elements)
                            .sum();
            root -= all;
            layers.add(new LayerValues(all - experts, experts));
        }
        long state = trained.values().stream()
                .mapToLong(parameter -> optimizer.stateBytes(dtype, parameter.shape()))
                .sum();
        long tokens = (long) recipe.stepScheduler().localBatchSize() * RecipeMemory.longestRow(recipe);
        long rows = tokens * model.expertsPerToken() * model.inputEmbedding().shape()[1];
        return new TrainedValues(elements(trained), root, layers, dtype, state, rows, recipe.activationCheckpointing());
    }

    private static long elements(Map<String, Parameter> parameters) {
        return parameters.values().stream().mapToLong(Parameter::elements).sum();
    }

    private static long elements(GatedExperts experts) {
        return experts.gateUp().weight().get().elements()
                + experts.down().weight().get().elements();
    }
}
