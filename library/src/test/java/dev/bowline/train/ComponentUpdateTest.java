package dev.bowline.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.bowline.adapter.Adapters;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.adapter.format.ModulePatterns;
import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.fixtures.Golden;
import dev.bowline.model.Component;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.SlotRole;
import dev.bowline.recipe.FreezeConfig;
import dev.bowline.tensor.TensorScope;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.Scalar;
import org.junit.jupiter.api.Test;

/// A part's update is the norm of what its trained values gained over the norm they had, a tied value once.
class ComponentUpdateTest {

    @Test
    void eachPartIsMeasuredByItself() {
        FreezeConfig frozenRouter = new FreezeConfig(false, true, true, false, true, false, false);
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = AutoModel.fromPretrained(
                        Golden.directory("gemma4", "moe_tied"),
                        AutoModel.Options.asStored().freezing(model -> Freezing.apply(model, frozenRouter)))) {
            var model = pretrained.model();
            model.inputEmbedding().tensor().detach().mul_(new Scalar(1.25));
            model.parameters().forEach((name, parameter) -> {
                if (model.component(name) == Component.EXPERTS) {
                    parameter.value().detach().mul_(new Scalar(-1));
                }
            });

            Map<Component, ComponentUpdate> updates = ComponentUpdate.since(pretrained.checkpoint(), model).stream()
                    .collect(Collectors.toMap(ComponentUpdate::component, each -> each));

            assertEquals(0.25, relative(updates, Component.EMBEDDINGS), 1e-5);
            assertEquals(2, relative(updates, Component.EXPERTS), 1e-5);
            assertEquals(0, relative(updates, Component.ATTENTION));
            ComponentUpdate router = Objects.requireNonNull(updates.get(Component.ROUTER));
            assertEquals(List.of(0L, 0.0), List.of(router.trained(), router.relative()));
            long counted = updates.values().stream()
                    .mapToLong(each -> each.trained() + each.frozen())
                    .sum();
            long weights = model.parameters().values().stream()
                    .filter(each -> each.role() != SlotRole.BUFFER)
                    .mapToLong(Parameter::elements)
                    .sum();
            assertEquals(weights, counted);
        }
    }

    @Test
    void theModelUnderAnAdapterIsFrozen() {
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = AutoModel.fromPretrained(
                        Golden.directory("gemma4", "moe_tied"),
                        AutoModel.Options.asStored().freezing(RunAdapter::freeze))) {
            var model = pretrained.model();
            long weights = model.parameters().values().stream()
                    .filter(each -> each.role() != SlotRole.BUFFER)
                    .mapToLong(Parameter::elements)
                    .sum();
            var _ = Adapters.of(model).create("default", LoraConfig.of(4, 8, new ModulePatterns.AllLinear()), 7);

            List<ComponentUpdate> updates = ComponentUpdate.since(pretrained.checkpoint(), model);

            assertEquals(0, updates.stream().mapToLong(ComponentUpdate::trained).sum());
            assertEquals(
                    weights, updates.stream().mapToLong(ComponentUpdate::frozen).sum());
        }
    }

    private static double relative(Map<Component, ComponentUpdate> updates, Component component) {
        return Objects.requireNonNull(updates.get(component)).relative();
    }
}
