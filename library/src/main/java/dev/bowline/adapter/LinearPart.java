package dev.bowline.adapter;

import dev.bowline.adapter.AdaptedModule.LinearPair;
import dev.bowline.adapter.format.AdapterKey.Part;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.adapter.format.LoraConfig.LoraAInit;
import dev.bowline.nn.Dropout;
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
import java.util.Optional;
import java.util.stream.Stream;

/// A pair of matrices on a linear, with a trained length per output row for DoRA.
final class LinearPart implements AdapterPart {

    private final LinearPair module;
    private final LoraConfig config;
    private final Linear linear;
    private final LinearOperator base;
    private final Slot a;
    private final Slot b;
    private final Optional<Magnitude> magnitude;

    LinearPart(LinearPair module, LoraConfig config, Linear linear) {
        this.module = module;
        this.config = config;
        this.linear = linear;
        base = linear.operator();
        a = new Slot(module.module() + ".lora_A.weight", SlotRole.ADAPTER, module.rank(), module.in());
        b = new Slot(module.module() + ".lora_B.weight", SlotRole.ADAPTER, module.out(), module.rank());
        magnitude = switch (module.variant()) {
            case LORA -> Optional.empty();
            case DORA -> Optional.of(new Magnitude(module.module(), linear, base));
        };
    }

    @Override
    public LinearPair module() {
        return module;
    }

    @Override
    public List<Slot> slots() {
        return Stream.concat(Stream.of(a, b), magnitude.map(Magnitude::slot).stream())
                .toList();
    }

    @Override
    public void initialize(LoraAInit init, RandomSource random) {
        LoraInit.fill(a, b, init, random);
        magnitude.ifPresent(Magnitude::initialize);
    }

    @Override
    public void load(AdapterReader reader) {
        reader.fill(a, module.module(), Part.LORA_A);
        reader.fill(b, module.module(), Part.LORA_B);
        magnitude.ifPresent(each -> reader.fill(each.slot(), module.module(), Part.MAGNITUDE));
    }

    @Override
    public List<TensorSource> store(Arena arena) {
        return slots().stream().map(StoredValues::source).toList();
    }

    @Override
    public void use() {
        use(Optional.empty());
    }

    @Override
    public void useDropout(long seed) {
        long ofModule = DropoutPass.mix(seed ^ module.module().hashCode());
        use(Optional.of(new Dropout(config.loraDropout(), ofModule)));
    }

    private void use(Optional<Dropout> dropout) {
        LowRankPair pair = LowRankPair.of(a, b, module.scale());
        LinearOperator operator = magnitude
                .<LinearOperator>map(each -> each.operator(pair, dropout))
                .orElseGet(() -> lora(pair, dropout));
        linear.replace(_ -> operator);
    }

    private LinearOperator lora(LowRankPair pair, Optional<Dropout> dropout) {
        if (dropout.isEmpty()) {
            return new LoraLinear(base, pair, linear::kernels);
        }
        return switch (config.dropoutPosition()) {
            case PRE -> LoraLinear.withInputDropout(base, pair, dropout.get(), linear::kernels);
            case POST -> LoraLinear.withOutputDropout(base, pair, dropout.get(), linear::kernels);
        };
    }

    @Override
    public void stop() {
        linear.replace(_ -> base);
    }

    @Override
    public void close() {
        AdapterPart.super.close();
        magnitude.ifPresent(Magnitude::close);
    }
}
