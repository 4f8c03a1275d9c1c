package dev.bowline.report;

import dev.bowline.adapter.format.AdapterConversion.Converted;
import dev.bowline.adapter.format.ExpertLayout;

/// The source and the result of an adapter's conversion.
public final class ConversionText implements TextRenderer<Converted> {

    @Override
    public String text(Converted converted) {
        String layout = converted.layout().map(ConversionText::words).orElse("the adapter changes no experts");
        StringBuilder text = new StringBuilder();
        text.append("read %s of %s: %s\n"
                .formatted(Quantity.count(converted.tensorsRead(), "tensor"), converted.source(), layout));
        text.append("wrote %s to %s, in the layout of PEFT 0.21\n"
                .formatted(Quantity.count(converted.tensorsWritten(), "tensor"), converted.target()));
        if (converted.stackedWeights() > 0) {
            text.append("stacked weights of experts: %d\n".formatted(converted.stackedWeights()));
        }
        text.append(converted
                .identity()
                .map(identity -> "base recorded: %d tensors, %s\n"
                        .formatted(identity.tensors().size(), identity.hash()))
                .orElse("no base recorded\n"));
        return text.toString();
    }

    private static String words(ExpertLayout layout) {
        return switch (layout) {
            case PEFT -> "experts in the layout of PEFT 0.19 and later";
            case PEFT_SWAPPED -> "experts in the layout of PEFT 0.18 and older, A and B exchanged";
            case AUTOMODEL_GROUPED -> "grouped experts of NeMo AutoModel";
            case SPLIT -> "experts with a pair of matrices for each linear";
        };
    }
}
