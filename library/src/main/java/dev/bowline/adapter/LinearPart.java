package dev.bowline.adapter;

import dev.bowline.adapter.AdaptedModule.LinearPair;
import dev.bowline.adapter.format.AdapterKey.Part;
import dev.bowline.adapter.format.LoraConfig.LoraAInit;
import dev.bowline.nn.Linear;
import dev.bowline.nn.LinearOperator;
import dev.bowline.nn.LoraLinear;
import dev.bowline.nn.LowRankPair;
import dev.bowline.nn.Slot;
import dev.bowline.nn.SlotRole;
import dev.bowline.safetensors.TensorSource;
import dev.bowline.tensor.RandomSource;
import java.lang.foreign.Arena;
import java.util.List;

/// A pair of matrices on a linear.
final class LinearPart implements AdapterPart {

    private final LinearPair module;
    private final Linear linear;
    private final LinearOperator base;
    private final Slot a;
    private final Slot b;

    LinearPart(LinearPair module, Linear linear) {
        this.module = module;
        this.linear = linear;
        base = linear.operator();
        a = new Slot(module.module() + ".lora_A.weight", SlotRole.ADAPTER, module.rank(), module.in());
        b = new Slot(module.module() + ".lora_B.weight", SlotRole.ADAPTER, module.out(), module.rank());
    }

    @Override
    public LinearPair module() {
        return module;
    }

    @Override
    public List<Slot> slots() {
        return List.of(a, b);
    }

    @Override
    public void initialize(LoraAInit init, RandomSource random) {
        LoraInit.fill(a, b, init, random);
    }

    @Override
    public void load(AdapterReader reader) {
        reader.fill(a, module.module(), Part.LORA_A);
        reader.fill(b, module.module(), Part.LORA_B);
    }

    @Override
    public List<TensorSource> store(Arena arena) {
        return slots().stream().map(StoredValues::source).toList();
    }

    @Override
    public void use() {
        LowRankPair pair = LowRankPair.of(a, b, module.scale());
        linear.replace(_ -> new LoraLinear(base, pair, linear::kernels));
    }

    @Override
    public void stop() {
        linear.replace(_ -> base);
    }
}
