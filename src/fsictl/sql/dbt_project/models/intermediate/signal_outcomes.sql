-- One row per verdict of the run date and horizon, with the return that followed the signal: above zero when the
-- price went the way the RSI said (down after overbought, up after oversold), null when nobody knows the price then.
with signals as (
    select
        verdict.symbol,
        verdict.timestamp_ms,
        verdict.model_version,
        verdict.unreliable,
        verdict.side,
        verdict.moment,
        now.close_price
    from {{ ref('stg_reconerr') }} as verdict
    inner join {{ ref('stg_metrics') }} as now
        on verdict.symbol = now.symbol and verdict.timestamp_ms = now.timestamp_ms
    where
        verdict.unreliable is not null
        and verdict.timestamp_ms >= {{ day_start_ms() }}
        and verdict.timestamp_ms < {{ day_end_ms() }}
),

horizons as (
    {% for horizon in var('horizons') %}
        select {{ horizon }} as horizon
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select
    signals.symbol,
    signals.timestamp_ms,
    signals.model_version,
    signals.unreliable,
    signals.side,
    signals.moment,
    horizons.horizon,
    {{ money(
        "10000 * ln(later.close_price / signals.close_price) * case when signals.side = 'overbought' then -1 else 1 end"
    ) }} as return_bp
from signals
cross join horizons
left join {{ ref('stg_metrics') }} as later
    on
        signals.symbol = later.symbol
        and later.timestamp_ms = signals.timestamp_ms + 1000 * horizons.horizon
