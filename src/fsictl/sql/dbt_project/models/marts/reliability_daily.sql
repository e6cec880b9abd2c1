{{ by_run_date() }}

select
    {{ run_date() }} as run_date,
    symbol,
    model_version,
    horizon,
    {{ outcomes() }}
from {{ ref('signal_outcomes') }}
group by symbol, model_version, horizon
