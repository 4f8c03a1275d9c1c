package dev.bowline.adapter;

import dev.bowline.BowlineException;
import dev.bowline.NearestNames;
import dev.bowline.adapter.format.AdapterFiles;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.model.DecoderResource;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Parameter;
import dev.bowline.nn.Slot;
import dev.bowline.nn.SlotRole;
import dev.bowline.tensor.RandomSource;
import dev.bowline.tensor.TensorScope;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.function.Supplier;

/// The adapters of one model. At most one of them is in use; the others only hold their values. All share the
/// values of the base.
///
/// The model owns this object: [LanguageModel#close] frees the values of every adapter. Adapters change what
/// the model computes, so none may be attached, switched or detached while another thread computes with the
/// model.
public final class Adapters implements DecoderResource {

    private final LanguageModel model;
    private final SequencedMap<String, Adapter> adapters = new LinkedHashMap<>();
    private Optional<Adapter> active = Optional.empty();

    private Adapters(LanguageModel model) {
        this.model = model;
    }

    /// The adapters of a model; the same object at every call.
    public static Adapters of(LanguageModel model) {
        return model.owned(Adapters.class)
                .filter(present -> present.model == model)
                .orElseGet(() -> {
                    Adapters adapters = new Adapters(model);
                    model.own(adapters);
                    return adapters;
                });
    }

    /// Attaches a new adapter that changes no result of the model, uses it, and makes it the only part of the
    /// model that training updates. Equal seeds give equal values.
    ///
    /// @throws BowlineException if [AdapterTargets#resolve] refuses the settings, or an adapter has the name.
    ///     The model is unchanged then
    public Adapter create(String name, LoraConfig config, long seed) {
        requireUnused(name);
        List<AdapterPart> parts = onBase(() -> AdapterParts.of(model, config, AdapterTargets.resolve(model, config)));
        Adapter adapter = new Adapter(model, name, config, parts);
        try (RandomSource random = RandomSource.seeded(seed);
                TensorScope _ = TensorScope.open()) {
            parts.forEach(part -> part.initialize(config.loraAInit(), random));
        } catch (RuntimeException e) {
            parts.forEach(AdapterPart::close);
            throw e;
        }
        adapters.put(name, adapter);
        train(name);
        return adapter;
    }

    /// Attaches the adapter of files and uses it. Its values are copied, in float32 as PEFT does, so the
    /// files can be closed afterwards. They are frozen until [#train].
    ///
    /// An adapter that was trained with new tokens gives the model their rows, as
    /// [LanguageModel#resizeTokenEmbeddings] does; the adapter holds the values of each. [#detach] leaves the rows.
    ///
    /// The base is told by names and shapes only; [AdapterFiles#record] can compare its values.
    ///
    /// @throws BowlineException if a tensor of the file does not fit the model, or an adapter has the name.
    ///     The model is unchanged then
    public Adapter attach(String name, AdapterFiles files) {
        requireUnused(name);
        long rows = model.vocabularySize();
        addRows(files);
        List<AdapterPart> parts = new ArrayList<>();
        try (Arena arena = Arena.ofConfined();
                TensorScope _ = TensorScope.open()) {
            AdapterReader reader = new AdapterReader(model, files, arena);
            parts.addAll(onBase(() -> {
                List<AdaptedModule> modules = reader.modules();
                AdapterVocabulary.requireNewRows(model, modules, rows);
                return AdapterParts.of(model, files.config(), modules);
            }));
            parts.forEach(part -> part.load(reader));
        } catch (RuntimeException e) {
            parts.forEach(AdapterPart::close);
            if (model.vocabularySize() != rows) {
                model.resizeTokenEmbeddings(rows);
            }
            throw e;
        }
        Adapter adapter = new Adapter(model, name, files.config(), parts);
        adapter.slots().values().stream().map(Slot::get).forEach(Parameter::freeze);
        adapters.put(name, adapter);
        use(name);
        return adapter;
    }

    /// Gives the model the rows of an adapter that was trained with more of them. The other adapters hold layers of
    /// the present tables.
    private void addRows(AdapterFiles files) {
        long rows = AdapterVocabulary.rows(model, files);
        if (rows == model.vocabularySize()) {
            return;
        }
        if (!adapters.isEmpty()) {
            throw new BowlineException(
                    "the adapter %s was trained with %d rows of the token embedding, the model has %d, and another"
                                    .formatted(files.directory(), rows, model.vocabularySize())
                            + " adapter is attached",
                    "attach the adapter with the most rows first");
        }
        model.resizeTokenEmbeddings(rows);
    }

    /// Runs `work` while no adapter is in use.
    private <R> R onBase(Supplier<R> work) {
        Optional<Adapter> used = active;
        useNone();
        try {
            return work.get();
        } finally {
            used.ifPresent(adapter -> use(adapter.name()));
        }
    }

    /// Makes the model compute with an adapter and no other. If this fails, for example because a device has no memory
    /// left, the model computes as before.
    public void use(String name) {
        use(get(name));
    }

    void use(Adapter adapter) {
        adapter.requirePresentLayers();
        Optional<Adapter> before = active;
        useNone();
        try {
            adapter.parts().forEach(AdapterPart::use);
        } catch (RuntimeException e) {
            adapter.parts().forEach(AdapterPart::stop);
            before.ifPresent(used -> used.parts().forEach(AdapterPart::use));
            active = before;
            throw e;
        }
        active = Optional.of(adapter);
    }

    /// Makes the model compute as without adapters.
    public void useNone() {
        active.ifPresent(adapter -> adapter.parts().forEach(AdapterPart::stop));
        active = Optional.empty();
    }

    /// Applies the dropout of the adapter in use until the returned pass is closed. The masks depend on the
    /// numbers given and on the module alone, so the second run of a checkpointed layer and a resumed run
    /// repeat them. Without a pass no dropout is applied.
    ///
    /// Forward and backward pass of one micro-batch belong into one dropout pass.
    ///
    /// @param seed of the run
    /// @param step of the optimizer
    /// @param microBatch of the step
    public DropoutPass dropoutPass(long seed, long step, long microBatch) {
        active.ifPresent(adapter -> {
            if (adapter.config().loraDropout() > 0) {
                long mixed = DropoutPass.mix(DropoutPass.mix(DropoutPass.mix(seed) + step) + microBatch);
                adapter.parts().forEach(part -> part.useDropout(mixed));
            }
        });
        return new DropoutPass(active);
    }

    /// Uses an adapter, and makes it the only part of the model that training updates: the base is frozen,
    /// and so is every other adapter.
    public void train(String name) {
        use(name);
        model.slots(SlotRole.BASE).values().stream().map(Slot::get).forEach(Parameter::freeze);
        adapters.values()
                .forEach(adapter -> adapter.slots().values().stream()
                        .map(Slot::get)
                        .forEach(adapter.name().equals(name) ? Parameter::unfreeze : Parameter::freeze));
    }

    /// Removes an adapter and frees its values.
    public void detach(String name) {
        Adapter adapter = get(name);
        if (active.filter(used -> used == adapter).isPresent()) {
            useNone();
        }
        adapters.remove(name);
        adapter.close();
    }

    /// The adapter in use.
    public Optional<Adapter> active() {
        return active;
    }

    /// All attached adapters, in the order in which they were attached.
    public List<Adapter> all() {
        return List.copyOf(adapters.values());
    }

    /// The attached adapter of a name.
    ///
    /// @throws BowlineException if no attached adapter has the name
    public Adapter get(String name) {
        Adapter adapter = adapters.get(name);
        if (adapter == null) {
            throw new BowlineException(
                    "no adapter '%s' is attached%s".formatted(name, NearestNames.hint(name, adapters.keySet())),
                    adapters.isEmpty()
                            ? "attach one first"
                            : "use one of %s".formatted(String.join(", ", adapters.keySet())));
        }
        return adapter;
    }

    private void requireUnused(String name) {
        if (adapters.containsKey(name)) {
            throw new BowlineException(
                    "an adapter '%s' is already attached to this model".formatted(name),
                    "detach it first, or choose another name");
        }
    }

    @Override
    public boolean holdsLayers() {
        return !adapters.isEmpty();
    }

    /// Detaches every adapter. [LanguageModel#close] calls this.
    @Override
    public void close() {
        useNone();
        adapters.values().forEach(Adapter::close);
        adapters.clear();
    }
}
