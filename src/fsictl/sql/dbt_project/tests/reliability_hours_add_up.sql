-- The hours of a run date together are its day.
with hours as (
    select
        run_date,
        symbol,
        model_version,
        horizon,
        sum(flagged_signals) as flagged_signals,
        sum(reliable_signals) as reliable_signals,
        sum(flagged_right) as flagged_right,
        sum(reliable_right) as reliable_right
    from {{ ref('reliability_hourly') }}
    group by run_date, symbol, model_version, horizon
)

select
    days.run_date,
    days.symbol
from {{ ref('reliability_daily') }} as days
inner join hours
    on
        days.run_date = hours.run_date
        and days.symbol = hours.symbol
        and days.model_version = hours.model_version
        and days.horizon = hours.horizon
where
    days.flagged_signals <> hours.flagged_signals
    or days.reliable_signals <> hours.reliable_signals
    or days.flagged_right <> hours.flagged_right
    or days.reliable_right <> hours.reliable_right
