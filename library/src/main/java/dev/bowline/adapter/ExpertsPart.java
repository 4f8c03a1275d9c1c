package dev.bowline.adapter;

import dev.bowline.adapter.AdaptedModule.ExpertPairs;
import dev.bowline.adapter.format.ExpertPair;
import dev.bowline.adapter.format.LoraConfig.LoraAInit;
import dev.bowline.nn.Linear;
import dev.bowline.nn.LinearOperator;
import dev.bowline.nn.LinearStack;
import dev.bowline.nn.LoraLinear;
import dev.bowline.nn.LowRankPair;
import dev.bowline.nn.Slot;
import dev.bowline.nn.SlotRole;
import dev.bowline.safetensors.TensorSource;
import dev.bowline.tensor.RandomSource;
import java.lang.foreign.Arena;
import java.util.List;

/// A pair of matrices per expert of a stacked weight. The pairs of all experts are in two slots.
final class ExpertsPart implements AdapterPart {

    private final ExpertPairs module;
    private final String name;
    private final LinearStack stack;
    private final List<LinearOperator> bases;
    private final Slot a;
    private final Slot b;

    /// @param name the name of the module in PEFT's tensors
    ExpertsPart(ExpertPairs module, String name, LinearStack stack) {
        this.module = module;
        this.name = name;
        this.stack = stack;
        bases = stack.experts().stream().map(Linear::operator).toList();
        a = new Slot(name + ".lora_A.weight", SlotRole.ADAPTER, module.experts(), module.rank(), module.in());
        b = new Slot(name + ".lora_B.weight", SlotRole.ADAPTER, module.experts(), module.out(), module.rank());
    }

    @Override
    public ExpertPairs module() {
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
        reader.fillExperts(a, b, module.module());
    }

    @Override
    public List<TensorSource> store(Arena arena) {
        return new ExpertPair(
                        module.module(),
                        module.experts(),
                        module.in(),
                        module.out(),
                        module.rank(),
                        StoredValues.type(a),
                        StoredValues.bytes(a),
                        StoredValues.bytes(b))
                .toPeft(name, arena);
    }

    @Override
    public void use() {
        for (int expert = 0; expert < bases.size(); expert++) {
            LinearOperator base = bases.get(expert);
            LowRankPair pair = LowRankPair.ofStack(a, b, module.scale(), expert);
            Linear linear = stack.expert(expert);
            linear.replace(_ -> new LoraLinear(base, pair, linear::kernels));
        }
    }

    @Override
    public void stop() {
        for (int expert = 0; expert < bases.size(); expert++) {
            LinearOperator base = bases.get(expert);
            stack.expert(expert).replace(_ -> base);
        }
    }
}
